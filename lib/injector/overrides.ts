/** What a Pod's annotations change of its proxy (https://istio.io/latest/docs/reference/config/annotations/). */
import type { ProxyOptions } from './proxy-container';

const QUANTITY = /^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;
const LEVELS = ['trace', 'debug', 'info', 'warning', 'warn', 'error', 'critical', 'off'];

/**
 * `sidecar.istio.io/proxyImage`, `proxyCPU`, `proxyCPULimit`, `proxyMemory`, `proxyMemoryLimit` and `logLevel`. Once one of the four resources is given, only what is given holds, as on Istio.
 * @throws when one cannot be read.
 */
export function overridesOf(
  annotations: Readonly<Record<string, string>>,
): Pick<ProxyOptions, 'resources' | 'logLevel'> & { proxyImage?: string } {
  const read = (name: string) => annotations[`sidecar.istio.io/${name}`]?.trim() || undefined;
  const quantity = (name: string) => {
    const text = read(name);
    if (text !== undefined && !QUANTITY.test(text))
      throw wrong(`sidecar.istio.io/${name}`, text, 'a quantity: 100m, 128Mi');
    return text;
  };
  const requests = withoutUndefined({ cpu: quantity('proxyCPU'), memory: quantity('proxyMemory') });
  const limits = withoutUndefined({ cpu: quantity('proxyCPULimit'), memory: quantity('proxyMemoryLimit') });
  const hasResources = Object.keys({ ...requests, ...limits }).length > 0;
  const logLevel = read('logLevel');
  if (logLevel !== undefined && !LEVELS.includes(logLevel)) {
    throw wrong('sidecar.istio.io/logLevel', logLevel, `one of ${LEVELS.join(', ')}`);
  }
  return {
    proxyImage: read('proxyImage'),
    resources: hasResources ? { requests, limits } : undefined,
    logLevel,
  };
}

function withoutUndefined(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function wrong(annotation: string, got: string, wanted: string): Error {
  return new Error(`annotation ${annotation}: '${got.slice(0, 100)}' is not ${wanted}`);
}
