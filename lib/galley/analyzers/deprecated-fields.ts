/** Fields and kinds of which the API says that they go away, or that they do nothing. */
import { Sidecar } from '../../api/networking/sidecar';
import { VirtualService } from '../../api/networking/virtual-service';
import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';

const NAME = 'deprecation.FieldAnalyzer';

/** Kinds that the API had once. */
const REMOVED = ['ClusterRbacConfig', 'RbacConfig', 'ServiceRole', 'ServiceRoleBinding'];

export function deprecatedFields(analysis: Analysis): Finding[] {
  return [
    ...analysis.of<VirtualService>(VirtualService).flatMap(percent),
    ...analysis.of<Sidecar>(Sidecar).flatMap(egressProxy),
    ...analysis.of('apiextensions.k8s.io/CustomResourceDefinition').flatMap(removedKind),
  ];
}

function percent(object: VirtualService): Finding[] {
  const index = (object.spec.http ?? []).findIndex((route) => (route.fault?.delay?.percent ?? 0) > 0);
  return index < 0
    ? []
    : [
        findingAbout(object, 'IST0002', NAME, {
          path: `spec.http[${index}].fault.delay.percent`,
          message: 'percent of a delay is deprecated',
          fix: 'use percentage',
        }),
      ];
}

function egressProxy(object: Sidecar): Finding[] {
  return object.spec?.outboundTrafficPolicy?.egressProxy
    ? [
        findingAbout(object, 'IST0002', NAME, {
          path: 'spec.outboundTrafficPolicy.egressProxy',
          message: 'egressProxy has no effect',
          fix: 'leave it out, and route to an egress gateway',
        }),
      ]
    : [];
}

function removedKind(object: KubeObject): Finding[] {
  const { group, names } = (object.spec ?? {}) as { group?: unknown; names?: { kind?: unknown } };
  const kind = String(names?.kind);
  return group === 'rbac.istio.io' && REMOVED.includes(kind)
    ? [
        findingAbout(object, 'IST0002', NAME, {
          path: 'spec.names.kind',
          message: `the kind ${kind} of ${group} is removed`,
          fix: 'use AuthorizationPolicy',
        }),
      ]
    : [];
}
