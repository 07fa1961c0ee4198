/** One host on one port of the same proxies is served by one Gateway only. */
import { Gateway, type Server } from '../../api/networking/gateway';
import { objectName } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { selectorText } from './label-selector';
import { namespaceOf } from './names';

const NAME = 'gateway.ConflictingGatewayAnalyzer';

/** A host that a server of a gateway serves, so that others of the same host and place are found. */
interface Claim {
  gateway: Gateway;
  selector: string;
}

export function conflictingGateways(analysis: Analysis): Finding[] {
  const gateways = analysis.of<Gateway>(Gateway);
  const claims = new Map<string, Claim[]>();
  for (const gateway of gateways) {
    const selector = selectorText(gateway.spec.selector);
    for (const key of new Set((gateway.spec.servers ?? []).flatMap((server) => keysOf(gateway, server)))) {
      const list = claims.get(key) ?? [];
      list.push({ gateway, selector });
      claims.set(key, list);
    }
  }
  const meet = sameProxies(analysis);
  return gateways.flatMap((gateway) =>
    (gateway.spec.servers ?? []).flatMap((server, index) => {
      const others = new Set<Gateway>();
      for (const key of keysOf(gateway, server)) {
        for (const claim of claims.get(key) ?? []) {
          if (claim.gateway !== gateway && meet(gateway, claim)) {
            others.add(claim.gateway);
          }
        }
      }
      return others.size > 0 ? [conflictFinding(gateway, server, index, [...others])] : [];
    }),
  );
}

/** Port, address and host, with the namespace whose routes may use it. */
function keysOf(gateway: Gateway, server: Server): string[] {
  return server.hosts.map((text) => {
    const host = text.replace(/^\*\//, '').replace(/^\.\//, `${namespaceOf(gateway)}/`);
    return `${server.port.number}~${server.bind ?? ''}~${host}`;
  });
}

/** Whether two gateways are for the same proxies: they select alike, or some workload has the labels of both. */
function sameProxies(analysis: Analysis): (gateway: Gateway, other: Claim) => boolean {
  const known = new Map<string, boolean>();
  return (gateway, other) => {
    const selector = selectorText(gateway.spec.selector);
    if (selector === other.selector) {
      return true;
    }
    const key = [selector, other.selector].sort().join('|');
    let meet = known.get(key);
    if (meet === undefined) {
      const both = { ...gateway.spec.selector, ...other.gateway.spec.selector };
      const agree = Object.entries(gateway.spec.selector ?? {}).every(([name, value]) => both[name] === value);
      meet = agree && analysis.workloads.matching(both).length > 0;
      known.set(key, meet);
    }
    return meet;
  };
}

function conflictFinding(gateway: Gateway, server: Server, index: number, others: readonly Gateway[]): Finding {
  const names = others.slice(0, 8).map(objectName).join(', ');
  const message = `${names} serves the same host on port ${server.port.number} of the same proxies`;
  return findingAbout(gateway, 'IST0145', NAME, { path: `spec.servers[${index}]`, message });
}
