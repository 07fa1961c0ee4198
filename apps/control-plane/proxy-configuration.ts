/** The value behind `/config?proxy=NODE-ID`: the configuration that a proxy has taken. */
import { hash } from 'node:crypto';
import { decode, encode } from '../../lib/envoy/message';
import type { EnvoyResource } from '../../lib/envoy/resource';
import type { XdsServer } from '../../lib/xds/server';
import type { Type } from '../../lib/xds/source';
import { type Answer, json, text, type Visitor } from './http';

/** As in Envoy's config_dump; of secrets only the names, of WebAssembly modules only their checksum. */
export type ProxyConfiguration = Record<Exclude<Type, 'secrets'>, unknown[]> & { secrets: { name: string }[] };

export function configurationAnswer(xds: XdsServer | undefined, id: string, { namespace }: Visitor): Answer {
  const owner = (id.split('~')[2] ?? '').split('.').at(-1);
  // Whether a proxy of others is there is none of a visitor's business either.
  const mayAsk = namespace === undefined || namespace === owner;
  const taken = mayAsk ? xds?.configurationOf(id) : undefined;
  if (!taken) return text('no such proxy is connected; ask with ?proxy= and a node id of /status\n', 404);
  const { secrets, extensions, ...others } = taken;
  const configuration = {
    ...Object.fromEntries(Object.entries(others).map(([type, resources]) => [type, dumped(resources)])),
    extensions: extensions.map(({ typeUrl, message }) => ({
      '@type': typeUrl,
      ...(withoutModules(message) as object),
    })),
    secrets: secrets.map(({ name }) => ({ name })),
  };
  return json(configuration as ProxyConfiguration);
}

/** A module has megabytes, and nobody reads them. */
function withoutModules(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutModules);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      key === 'inline_bytes' ? `sha256:${hash('sha256', Buffer.from(String(field), 'base64'))}` : withoutModules(field),
    ]),
  );
}

function dumped(resources: readonly EnvoyResource[]): unknown[] {
  return [...resources]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ typeUrl, message }) => {
      const name = typeUrl.slice(typeUrl.indexOf('/') + 1);
      // Through the encoder and back: what is shown is what the bytes say.
      return { '@type': typeUrl, ...(decode(name as never, encode(name as never, message as never)) as object) };
    });
}
