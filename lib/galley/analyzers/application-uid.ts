/** Nobody but the sidecar runs as its user, whose traffic is not redirected. */
import type { Container, PodSpec } from '../../api/kubernetes';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { isControlPlane } from './names';
import { PROXY_CONTAINER } from './workloads';

const NAME = 'deployment.ApplicationUIDAnalyzer';
const PROXY_USER = 1337;

export function applicationUser(analysis: Analysis): Finding[] {
  return [...analysis.of('/Pod'), ...analysis.of('apps/Deployment')].flatMap((object) => {
    const template = (object.spec as { template?: { spec?: PodSpec } } | undefined)?.template;
    const spec = object.kind === 'Pod' ? (object.spec as PodSpec | undefined) : template?.spec;
    const place = spec && !isControlPlane(object) ? placeOf(spec) : undefined;
    if (place === undefined) {
      return [];
    }
    const path = `${object.kind === 'Pod' ? 'spec' : 'spec.template.spec'}${place}.securityContext.runAsUser`;
    const message = `the user ${PROXY_USER} is the sidecar's, its traffic is not redirected`;
    return [findingAbout(object, 'IST0144', NAME, { path, message })];
  });
}

/** Where the user is set: on the Pod, or on a container of the application. */
function placeOf(spec: PodSpec): string | undefined {
  if (userOf(spec) === PROXY_USER) {
    return '';
  }
  const index = (spec.containers ?? []).findIndex(
    (container) =>
      container.name !== PROXY_CONTAINER && container.name !== 'istio-operator' && userOf(container) === PROXY_USER,
  );
  return index < 0 ? undefined : `.containers[${index}]`;
}

function userOf(value: PodSpec | Container): unknown {
  return (value['securityContext'] as { runAsUser?: unknown } | undefined)?.runAsUser;
}
