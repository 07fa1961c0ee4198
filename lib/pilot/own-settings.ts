/** What the settings of one proxy (`defaultConfig`, annotation `proxy.istio.io/config`) change of what it is sent. */
import type { MeshTracing } from '../api';
import { type Proxy, proxySettings, type WorldView } from '../world';
import { type ConnectionsOfProxy, connectionsOf, USUAL_CONNECTIONS } from './connection-settings';
import { type HeadersOfProxy, headersOf, USUAL_HEADERS } from './proxy-headers';

export interface OwnSettings {
  /** Two settings with equal keys are interchangeable. Empty: as everywhere. */
  readonly key: string;
  readonly headers: HeadersOfProxy;
  readonly connections: ConnectionsOfProxy;
  /** Undefined: as the mesh configuration says. */
  readonly tracing?: MeshTracing;
}

export const NO_OWN_SETTINGS: OwnSettings = {
  key: '',
  headers: USUAL_HEADERS,
  connections: USUAL_CONNECTIONS,
};

export function ownSettingsOf(world: WorldView, proxy: Proxy): OwnSettings {
  const settings = proxySettings(world, proxy);
  const headers = headersOf(settings);
  const connections = connectionsOf(settings, proxy.type);
  const tracing =
    settings.tracing === world.meshConfig().defaultConfig?.tracing ? undefined : checked(settings.tracing);
  if (headers === USUAL_HEADERS && connections === USUAL_CONNECTIONS && !tracing) return NO_OWN_SETTINGS;
  const key = JSON.stringify([headers, connections, tracing]);
  return { key, headers, connections, ...(tracing && { tracing }) };
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An annotation is checked by nobody before it is read: whatever is not what its field takes is left out. */
function checked(tracing: unknown): MeshTracing {
  if (!isMapping(tracing)) return {};
  const { sampling, maxPathTagLength, customTags, zipkin } = tracing;
  const tags = Object.entries(isMapping(customTags) ? customTags : {}).filter(
    ([name, tag]) => name !== '' && isMapping(tag) && isTag(tag),
  );
  return {
    ...(typeof sampling === 'number' && sampling >= 0 && sampling <= 100 && { sampling }),
    ...(typeof maxPathTagLength === 'number' &&
      Number.isInteger(maxPathTagLength) &&
      maxPathTagLength > 0 &&
      maxPathTagLength <= LONGEST_PATH && { maxPathTagLength }),
    ...(tags.length > 0 && { customTags: Object.fromEntries(tags) as MeshTracing['customTags'] }),
    ...(isMapping(zipkin) && typeof zipkin.address === 'string' && { zipkin: { address: zipkin.address } }),
  };
}

/** What a uint32 holds. */
const LONGEST_PATH = 4_294_967_295;

function isTag(tag: Record<string, unknown>): boolean {
  const texts = (value: unknown, needed: string) =>
    isMapping(value) &&
    value[needed] !== '' &&
    [value[needed], value.defaultValue ?? ''].every((each) => typeof each === 'string');
  const ways = ['literal', 'environment', 'header'].filter((way) => tag[way] !== undefined);
  return ways.length === 1 && texts(tag[ways[0]!], ways[0] === 'literal' ? 'value' : 'name');
}

/** How much a listener of the proxy keeps of a connection before it reads no more. */
export function listenerBuffer({ own }: { readonly own: OwnSettings }): { per_connection_buffer_limit_bytes?: number } {
  const { listenerBuffer: bytes } = own.connections;
  return bytes === undefined ? {} : { per_connection_buffer_limit_bytes: bytes };
}
