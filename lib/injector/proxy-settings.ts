/**
 * What a ProxyConfig changes of a proxy's container and bootstrap; the control plane's part of it is no matter of injection.
 * holdApplicationUntilProxyStarts always holds, since sidecars are native; extraStatTags are not needed, since tags may have any name.
 */
import { type MeshProxyConfig, parseDuration } from '../api';
import { ENVOY_IMAGE, ENVOY_VERSION_TAG } from './images';
import type { ProxyOptions } from './proxy-container';
import { checkedExpressions } from './stats-matcher';

/** Worker threads: more are of no use, and each costs memory. */
const MOST_THREADS = 128;
/** A Pod that takes longer to end is nobody's wish. */
const LONGEST_DRAIN_SECONDS = 3_600;
const LONGEST_FLUSH_MS = 3_600_000;
/** A container has not more memory than that. */
const MOST_FLUSHED_KB = 65_536;

type Served = Pick<
  ProxyOptions,
  | 'concurrency'
  | 'drainSeconds'
  | 'terminationDrainSeconds'
  | 'stats'
  | 'runtime'
  | 'environment'
  | 'fileFlushMilliseconds'
  | 'fileFlushKilobytes'
> & { capture?: 'transparent' | 'explicit' };

/**
 * @param where the settings come from, for errors: `annotation proxy.istio.io/config`.
 * @throws when a value is not what its field takes.
 */
export function servedSettings(settings: MeshProxyConfig, where: string): Served & { image?: string } {
  const wrong = (field: string, got: unknown, wanted: string) =>
    new Error(`${where}: '${`${field}: ${got}`.slice(0, 100)}' is not ${wanted}`);
  const seconds = (field: 'drainDuration' | 'terminationDrainDuration') => {
    const text = settings[field];
    if (text === undefined) return undefined;
    const milliseconds = typeof text === 'string' ? parseDuration(text) : undefined;
    if (milliseconds === undefined || milliseconds < 0 || milliseconds > LONGEST_DRAIN_SECONDS * 1_000)
      throw wrong(field, text, `a time of at most ${LONGEST_DRAIN_SECONDS}s: 45s`);
    return Math.ceil(milliseconds / 1_000);
  };
  const strings = (field: 'runtimeValues' | 'proxyMetadata') => {
    const entries = Object.entries(settings[field] ?? {});
    for (const [key, value] of entries) {
      if (typeof value !== 'string') throw wrong(`${field}.${key}`, value, 'a text: put it in quotes');
    }
    return entries.length > 0 ? (Object.fromEntries(entries) as Record<string, string>) : undefined;
  };
  const { concurrency, proxyStatsMatcher: matcher } = settings;
  if (concurrency !== undefined && (!Number.isInteger(concurrency) || concurrency < 0 || concurrency > MOST_THREADS))
    throw wrong('concurrency', concurrency, `a whole number from 0 to ${MOST_THREADS}`);
  const { fileFlushInterval: flush, fileFlushMinSizeKb: flushed, interceptionMode: mode } = settings;
  const flushMilliseconds = typeof flush === 'string' ? parseDuration(flush) : undefined;
  if (flush !== undefined && (!flushMilliseconds || flushMilliseconds < 1 || flushMilliseconds > LONGEST_FLUSH_MS))
    throw wrong('fileFlushInterval', flush, `a time from 1ms to ${LONGEST_FLUSH_MS / 1_000}s: 10s`);
  if (flushed !== undefined && (!Number.isInteger(flushed) || flushed < 0 || flushed > MOST_FLUSHED_KB))
    throw wrong('fileFlushMinSizeKb', flushed, `a whole number from 0 to ${MOST_FLUSHED_KB}`);
  // TPROXY keeps the client's address, for which Envoy would need rights of its own: redirected, and Galley says so.
  if (mode !== undefined && mode !== 'REDIRECT' && mode !== 'NONE' && mode !== 'TPROXY')
    throw wrong('interceptionMode', mode, 'REDIRECT or NONE');
  const environment = strings('proxyMetadata');
  for (const name of Object.keys(environment ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || /^(POD_|MALHA_)/.test(name))
      throw wrong('proxyMetadata', name, 'a name for a variable; POD_* and MALHA_* are the proxy’s own');
  }
  return {
    concurrency,
    fileFlushMilliseconds: flushMilliseconds && Math.ceil(flushMilliseconds),
    fileFlushKilobytes: flushed,
    ...(mode && { capture: mode === 'NONE' ? 'explicit' : 'transparent' }),
    drainSeconds: seconds('drainDuration'),
    terminationDrainSeconds: seconds('terminationDrainDuration'),
    stats: matcher && {
      prefixes: matcher.inclusionPrefixes,
      suffixes: matcher.inclusionSuffixes,
      regexps: checkedExpressions(matcher.inclusionRegexps ?? [], `${where}: proxyStatsMatcher.inclusionRegexps`),
    },
    runtime: strings('runtimeValues'),
    environment,
    image: imageOf(settings.image?.imageType, wrong),
  };
}

/** Envoy's own variants. Other images come as they are. */
function imageOf(
  type: string | undefined,
  wrong: (field: string, got: unknown, wanted: string) => Error,
): string | undefined {
  switch (type) {
    case undefined:
    case '':
      return undefined;
    case 'distroless':
      return ENVOY_IMAGE;
    case 'default':
    case 'debug':
      return `envoyproxy/envoy:${type === 'debug' ? 'debug-' : ''}${ENVOY_VERSION_TAG}`;
    default:
      throw wrong('image.imageType', type, 'default, debug or distroless');
  }
}
