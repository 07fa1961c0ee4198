/** The rules of PeerAuthentication. */
import type { PeerAuthenticationSpec } from '../../api/security/peer-authentication';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkSelector } from './labels';

export function checkPeerAuthentication(spec: PeerAuthenticationSpec, check: Check): void {
  checkSelector(spec.selector, check.at('selector'));
  if (!spec.portLevelMtls) {
    return;
  }
  if (Object.keys(spec.selector?.matchLabels ?? {}).length === 0) {
    check
      .at('portLevelMtls')
      .error('portLevelMtls is for some workloads, which a selector has to name', 'add selector.matchLabels');
  }
  for (const port of Object.keys(spec.portLevelMtls)) {
    if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65535) {
      check.at('portLevelMtls', port).error(`a port is a number from 1 to 65535, got ${shown(port)}`);
    }
  }
}
