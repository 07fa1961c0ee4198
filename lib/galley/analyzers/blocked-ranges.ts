/** A control plane that fetches keys for tokens must not be sent to addresses inside. */
import type { WorkloadController } from '../../api/kubernetes';
import { objectName } from '../../api/object';
import { RequestAuthentication } from '../../api/security/request-authentication';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';

const NAME = 'authn.BlockedCIDRsAnalyzer';
const VARIABLE = 'BLOCKED_CIDRS_IN_JWKS_URIS';

export function blockedRanges(analysis: Analysis): Finding[] {
  const policies = analysis.of(RequestAuthentication);
  if (policies.length === 0) {
    return [];
  }
  const names = policies.slice(0, 5).map(objectName).join(', ');
  return analysis.of<WorkloadController>('apps/Deployment').flatMap((deployment) => {
    const containers = deployment.spec?.template?.spec?.containers ?? [];
    const blocked = containers.some(({ env }) => (env ?? []).some(({ name, value }) => name === VARIABLE && value));
    if (deployment.metadata.labels?.['app'] !== 'istiod' || blocked) {
      return [];
    }
    const message = `keys for the tokens of ${names} are fetched from any address, as ${VARIABLE} is not set`;
    return [findingAbout(deployment, 'IST0175', NAME, { path: 'spec.template.spec.containers', message })];
  });
}
