/** Short ways to write the objects that Galley's tests judge. */
import type { KubeObject } from '../../lib/api';

export function object(apiVersion: string, kind: string, name: string, spec?: unknown, namespace = 'shop'): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace }, ...(spec === undefined ? {} : { spec }) };
}

export const virtualService = (spec: unknown, name = 'reviews', namespace = 'shop') =>
  object('networking.istio.io/v1', 'VirtualService', name, spec, namespace);

export const destinationRule = (spec: unknown, name = 'reviews', namespace = 'shop') =>
  object('networking.istio.io/v1', 'DestinationRule', name, spec, namespace);

export const gateway = (spec: unknown, name = 'edge', namespace = 'shop') =>
  object('networking.istio.io/v1', 'Gateway', name, spec, namespace);

export const serviceEntry = (spec: unknown, name = 'out', namespace = 'shop') =>
  object('networking.istio.io/v1', 'ServiceEntry', name, spec, namespace);

export const service = (name: string, ports: number[] = [9080], namespace = 'shop') =>
  object(
    'v1',
    'Service',
    name,
    { selector: { app: name }, ports: ports.map((port) => ({ name: `http-${port}`, port })) },
    namespace,
  );

/** A route to `host`, in the least words. */
export const to = (host: string, subset?: string) => ({ destination: { host, ...(subset ? { subset } : {}) } });
