/**
 * Addresses for hosts of ServiceEntries that have none, so that connections to them can be told apart. Only where proxies
 * answer DNS themselves: nobody else knows these addresses. They are hashes of names, the same in every World.
 */
import type { MeshConfig } from '../api';
import { assignAddresses, parseRange } from './addresses';
import { isIpAddress, isWildcard } from './hostname';
import { type Table, table } from './reads';
import { fromServiceEntry, type Service } from './service';

/** The range that the API takes them from. */
const RANGE = parseRange('240.240.0.0/16');
const OPT_OUT_LABEL = 'networking.istio.io/enable-autoallocate-ip';

/** Whether sidecars answer the DNS questions of their applications: `defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE`. */
export function capturesDns({ defaultConfig }: MeshConfig): boolean {
  return String(defaultConfig?.proxyMetadata?.ISTIO_META_DNS_CAPTURE) === 'true';
}

function allocatesAddresses(config: MeshConfig): boolean {
  const wanted = config.defaultConfig?.proxyMetadata?.ISTIO_META_DNS_AUTO_ALLOCATE;
  return capturesDns(config) && String(wanted ?? true) === 'true';
}

/** By key of the service. */
export const allocatedAddressesTable: Table<ReadonlyMap<string, string>> = table('allocated addresses', (world) => {
  if (!allocatesAddresses(world.mesh.config)) return new Map();
  const candidates = world.inventory.serviceEntries.flatMap(fromServiceEntry).filter(takesAddress);
  const taken = candidates.flatMap((service) => persisted(service) ?? []);
  const free = candidates.filter((service) => persisted(service) === undefined);
  const given = assignAddresses(
    free.map(({ key }) => key),
    RANGE,
    taken,
  );
  for (const service of candidates) {
    const address = persisted(service);
    if (address) given.set(service.key, address);
  }
  return given;
});

/**
 * Where clients have to choose the address themselves, or there is no single name, an address would say nothing; unless the
 * name that they ask for says it all. Sidecars answer for wildcards of whole labels.
 */
function takesAddress({ hostname, addresses, resolution, object }: Service): boolean {
  return (
    addresses.length === 0 &&
    resolution !== 'NONE' &&
    (!isWildcard(hostname) || (resolution === 'DYNAMIC_DNS' && hostname.startsWith('*.'))) &&
    !isIpAddress(hostname) &&
    object.metadata.labels?.[OPT_OUT_LABEL] !== 'false'
  );
}

/** What another control plane has written into the status stays. */
function persisted({ hostname, object }: Service): string | undefined {
  const status = object['status'] as { addresses?: { value?: string; host?: string }[] } | undefined;
  return status?.addresses?.find(({ value, host }) => host === hostname && value && isIpAddress(value))?.value;
}

const addressed = new WeakMap<Service, Map<string, Service>>();

/** The services of a ServiceEntry, with the addresses that they were given. */
export function withAllocated(
  services: readonly Service[],
  addresses: ReadonlyMap<string, string>,
): readonly Service[] {
  if (addresses.size === 0) return services;
  return services.map((service) => {
    const address = addresses.get(service.key);
    if (!address) return service;
    const known = addressed.get(service) ?? new Map<string, Service>();
    addressed.set(service, known);
    const result = known.get(address) ?? { ...service, addresses: [address] };
    known.set(address, result);
    return result;
  });
}
