/** ServiceEntries for one host and port agree on its protocol. */
import { ServiceEntry } from '../../api/networking/service-entry';
import { objectName } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { namespaceOf, visibility } from './names';

const NAME = 'serviceentry.ConflictingServiceEntryProtocolAnalyzer';

interface Claim {
  entry: ServiceEntry;
  protocol: string;
  host: string;
  port: number;
  path: string;
}

export function conflictingProtocols(analysis: Analysis): Finding[] {
  const claims = new Map<string, Claim[]>();
  for (const entry of analysis.of<ServiceEntry>(ServiceEntry)) {
    for (const scope of visibility(entry.spec.exportTo, namespaceOf(entry))) {
      for (const host of entry.spec.hosts) {
        for (const [index, port] of (entry.spec.ports ?? []).entries()) {
          const key = `${scope}/${host}/${port.number}`;
          const list = claims.get(key) ?? [];
          const protocol = (port.protocol ?? '').toUpperCase();
          list.push({ entry, protocol, host, port: port.number, path: `spec.ports[${index}].protocol` });
          claims.set(key, list);
        }
      }
    }
  }
  const told = new Map<ServiceEntry, Finding>();
  for (const [key, own] of claims) {
    // What is exported to all meets what is exported to some.
    const all = key.startsWith('*/') ? [] : (claims.get(`*${key.slice(key.indexOf('/'))}`) ?? []);
    const met = [...own, ...all];
    if (new Set(met.map(({ protocol }) => protocol)).size > 1) {
      for (const claim of met.filter(({ entry }) => !told.has(entry))) {
        told.set(claim.entry, conflictFinding(claim, met));
      }
    }
  }
  return [...told.values()];
}

function conflictFinding(claim: Claim, met: readonly Claim[]): Finding {
  const others = met.filter(({ protocol }) => protocol !== claim.protocol);
  const named = others.map(({ entry, protocol }) => `${protocol || 'none'} by ${objectName(entry)}`);
  const message = `port ${claim.port} of ${claim.host} has the protocol ${claim.protocol || 'none'} here, and ${[...new Set(named)].slice(0, 8).join(', ')}`;
  return findingAbout(claim.entry, 'IST0177', NAME, { path: claim.path, message });
}
