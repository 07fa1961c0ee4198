/** A port without a protocol that names its host takes an address to be told apart by. */
import { ServiceEntry } from '../../api/networking/service-entry';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';

const NAME = 'serviceentry.ProtocolAddressesAnalyzer';

export function serviceEntryAddresses(analysis: Analysis): Finding[] {
  if (allocatesAddresses(analysis)) {
    return [];
  }
  return analysis.of<ServiceEntry>(ServiceEntry).flatMap((entry) => {
    const { addresses } = (entry['status'] ?? {}) as { addresses?: unknown };
    if (entry.spec.addresses || (Array.isArray(addresses) && addresses.length > 0)) {
      return [];
    }
    return (entry.spec.ports ?? []).flatMap(({ protocol, number }, index) => {
      if (protocol && protocol.toUpperCase() !== 'TCP') {
        return [];
      }
      const message = `port ${number} is plain TCP, and without addresses it takes the traffic of this port to every address`;
      return [findingAbout(entry, 'IST0134', NAME, { path: `spec.ports[${index}]`, message })];
    });
  });
}

/** Whether proxies give addresses to hosts that have none, as the mesh configuration says. */
function allocatesAddresses({ meshConfig }: Analysis): boolean {
  const metadata = meshConfig.defaultConfig?.proxyMetadata ?? {};
  const on = (name: string) => String(metadata[name]) === 'true';
  return on('ISTIO_META_DNS_CAPTURE') && (on('ISTIO_META_DNS_AUTO_ALLOCATE') || on('PILOT_ENABLE_IP_AUTOALLOCATE'));
}
