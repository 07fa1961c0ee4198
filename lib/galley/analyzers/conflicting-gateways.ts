/** One host on one port of the same proxies is served by one Gateway only. */
import { Gateway } from '../../api/networking/gateway';
import { objectName } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { type Analysis, namespaceOf } from './analysis';
import { HostIndex } from './host-index';

const NAME = 'gateway.ConflictingGatewayAnalyzer';

interface Claim {
  gateway: Gateway;
  /** The namespace whose routes may use the host; `*` is any. */
  namespace: string;
}

export function conflictingGateways(analysis: Analysis): Finding[] {
  const byPort = new Map<string, HostIndex<Claim>>();
  const gateways = analysis.of<Gateway>(Gateway);
  for (const gateway of gateways) {
    for (const { key, host, namespace } of claimsOf(gateway)) {
      const index = byPort.get(key) ?? new HostIndex<Claim>();
      index.add(host, { gateway, namespace });
      byPort.set(key, index);
    }
  }
  return gateways.flatMap((gateway) => {
    const conflicts = new Map<string, Set<Gateway>>();
    for (const { key, host, namespace, path } of claimsOf(gateway)) {
      for (const other of byPort.get(key)!.overlapping(host)) {
        const common = other.namespace === namespace || other.namespace === '*' || namespace === '*';
        if (other.gateway !== gateway && common) {
          conflicts.set(path, (conflicts.get(path) ?? new Set()).add(other.gateway));
        }
      }
    }
    return [...conflicts].map(([path, others]) => conflictFinding(gateway, path, [...others]));
  });
}

function claimsOf(gateway: Gateway): { key: string; host: string; namespace: string; path: string }[] {
  const selector = Object.entries(gateway.spec.selector ?? {})
    .sort()
    .join(',');
  return (gateway.spec.servers ?? []).flatMap((server, index) =>
    server.hosts.map((text) => {
      const [before, host] = text.includes('/') ? text.split('/', 2) : ['*', text];
      return {
        key: `${selector}~${server.bind ?? ''}~${server.port.number}`,
        host: host!,
        namespace: before === '.' ? namespaceOf(gateway) : before!,
        path: `spec.servers[${index}]`,
      };
    }),
  );
}

function conflictFinding(gateway: Gateway, path: string, others: readonly Gateway[]): Finding {
  const names = others.slice(0, 8).map(objectName).join(', ');
  const server = gateway.spec.servers?.[Number(/\d+/.exec(path)?.[0])];
  const message = `${names} serves the same host on port ${server?.port.number} of the same proxies`;
  return findingAbout(gateway, 'IST0145', NAME, { path, message });
}
