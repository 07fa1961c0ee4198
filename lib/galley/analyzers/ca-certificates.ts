/** Clients that do TLS check who answers. */
import { DestinationRule } from '../../api/networking/destination-rule';
import type { ClientTLSSettings } from '../../api/networking/traffic-policy';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';

const NAME = 'destinationrule.CaCertificateAnalyzer';

export function caCertificates(analysis: Analysis): Finding[] {
  return analysis.of<DestinationRule>(DestinationRule).flatMap((rule) => {
    const { tls, portLevelSettings } = rule.spec.trafficPolicy ?? {};
    const ports = (portLevelSettings ?? []).flatMap((settings, index) =>
      trusts(rule, settings.tls)
        ? []
        : [
            findingAbout(rule, 'IST0129', NAME, {
              path: `spec.trafficPolicy.portLevelSettings[${index}].tls`,
              message: `port ${settings.port?.number} of ${rule.spec.host} is reached by TLS of mode ${settings.tls?.mode}, and nothing says whose certificates are trusted`,
            }),
          ],
    );
    if (trusts(rule, tls)) {
      return ports;
    }
    const message = `${rule.spec.host} is reached by TLS of mode ${tls?.mode}, and nothing says whose certificates are trusted`;
    return [findingAbout(rule, 'IST0128', NAME, { path: 'spec.trafficPolicy.tls', message }), ...ports];
  });
}

/**
 * Whether the settings say which authorities are trusted, or need not. Credentials from a Secret only hold for the proxies
 * of a workloadSelector, so that without one they say nothing.
 */
function trusts(rule: DestinationRule, tls: ClientTLSSettings | undefined): boolean {
  const checks = tls?.mode === 'SIMPLE' || tls?.mode === 'MUTUAL';
  const fromSecret = Boolean(tls?.credentialName && rule.spec.workloadSelector);
  return !checks || Boolean(tls?.caCertificates) || fromSecret;
}
