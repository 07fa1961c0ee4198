/** One certificate is used by one Gateway: browsers that reuse a connection would get the other's routes. */
import { Gateway } from '../../api/networking/gateway';
import type { ServerTLSSettings } from '../../api/networking/server-tls';
import { objectName } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { carries } from './label-selector';

const NAME = 'gateway.CertificateAnalyzer';

export function duplicateCertificates(analysis: Analysis): Finding[] {
  const gateways = analysis.of<Gateway>(Gateway);
  const users = new Map<string, Gateway[]>();
  for (const gateway of gateways) {
    for (const certificate of certificatesOf(gateway)) {
      const list = users.get(certificate) ?? [];
      list.push(gateway);
      users.set(certificate, list);
    }
  }
  return gateways.flatMap((gateway) => {
    const others = new Set([...certificatesOf(gateway)].flatMap((certificate) => users.get(certificate) ?? []));
    return [...others]
      .filter((other) => other !== gateway && carries(other.spec.selector ?? {}, gateway.spec.selector))
      .map((other) => {
        const message = `${objectName(other)} uses the same certificate for the same proxies`;
        return findingAbout(gateway, 'IST0138', NAME, { path: 'spec.servers', message });
      });
  });
}

function certificatesOf(gateway: Gateway): Set<string> {
  return new Set((gateway.spec.servers ?? []).flatMap(({ tls }) => (tls ? (identityOf(tls) ?? []) : [])));
}

/** Two settings are of one certificate when they name the same Secret, or the same files. */
function identityOf({ credentialName, serverCertificate, privateKey }: ServerTLSSettings): string | undefined {
  if (credentialName) {
    return `secret ${credentialName}`;
  }
  return serverCertificate && privateKey ? `files ${serverCertificate} ${privateKey}` : undefined;
}
