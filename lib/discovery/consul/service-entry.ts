/** A service of Consul as an object of the mesh API: one ServiceEntry, its instances as endpoints. Pure. */
import type { KubeObject } from '../../api/object';
import type { Instance } from './instance';

export interface ConsulService {
  /** As Consul names it. */
  readonly name: string;
  /** Of which the program asked for it; undefined: that of the agent. */
  readonly datacenter?: string;
  readonly instances: ReadonlyMap<string, Instance>;
}

/** The most endpoints that a ServiceEntry may list. */
const MOST_ENDPOINTS = 4096;
/** The most addresses that a ServiceEntry may list. */
const MOST_ADDRESSES = 256;

/** `NAME.service.consul`, or `NAME.service.DC.consul`: what Consul's DNS answers to. Undefined for a name that no DNS has. */
export function hostOf({ name, datacenter }: Pick<ConsulService, 'name' | 'datacenter'>): string | undefined {
  const labels = [name.toLowerCase(), ...(datacenter ? [datacenter.toLowerCase()] : [])];
  if (!labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))) return undefined;
  const [service, place] = labels;
  return place ? `${service}.service.${place}.consul` : `${service}.service.consul`;
}

/** Undefined while no instance has ever been seen: nobody knows the port then. */
export function serviceEntryOf(service: ConsulService, host: string, namespace: string): KubeObject | undefined {
  const keys = [...service.instances.keys()].sort().slice(0, MOST_ENDPOINTS);
  const instances = keys.map((key) => service.instances.get(key)!);
  const port = portOf(instances);
  if (port === undefined) return undefined;
  const protocol = mostOf(instances.map((instance) => instance.protocol ?? 'tcp'))!.toUpperCase();
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: host.replaceAll('.', '-'), namespace, annotations: { 'malha.dev/registry': 'consul' } },
    spec: {
      hosts: [host],
      ...(carriesHost(protocol) ? {} : { addresses: addressesOf(instances) }),
      location: 'MESH_EXTERNAL',
      resolution: 'STATIC',
      ports: [{ number: port, name: 'consul', protocol }],
      endpoints: instances.map(({ address, port: own, weight, labels, datacenter }) => ({
        address,
        ports: { consul: own },
        weight,
        labels,
        ...(datacenter && { locality: datacenter }),
      })),
    },
  };
}

function carriesHost(protocol: string): boolean {
  return /^(HTTP2?|GRPC|GRPC-WEB)$/.test(protocol);
}

/** What Consul's DNS answers with. Without addresses a TCP port would take all traffic on its number, whoever it is for. */
function addressesOf(instances: readonly Instance[]): string[] {
  return [...new Set(instances.map(({ address }) => address))].sort().slice(0, MOST_ADDRESSES);
}

/** Instances may listen anywhere; clients need one number: the metadata's, else what most have. */
function portOf(instances: readonly Instance[]): number | undefined {
  return mostOf(instances.flatMap(({ servicePort }) => servicePort ?? [])) ?? mostOf(instances.map(({ port }) => port));
}

/** What occurs most often; the smallest of several. */
function mostOf<T extends string | number>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0];
}
