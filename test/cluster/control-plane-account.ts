/** The ServiceAccount of a control plane, with the rights that the manifests of a mesh give it and no more. */
import { Testing } from 'cdk8s';
import { ServiceAccount } from 'cdk8s-plus-27';
import { controlPlaneAccess } from '../../constructs/control-plane-access';
import type { KubeObject } from '../../lib/api/object';
import { apply } from './cluster';

export function allowControlPlane(namespace: string): void {
  const chart = Testing.chart();
  const metadata = { name: 'malha-control-plane', namespace };
  controlPlaneAccess(chart, new ServiceAccount(chart, 'account', { metadata }), namespace);
  const items = Testing.synth(chart) as KubeObject[];
  apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

/** Lets it read one object by name, as whoever names it in a mesh has to allow. @param resource such as `secrets`. */
export function allowReading(namespace: string, resource: 'secrets' | 'configmaps', name: string): void {
  apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: ${resource}-${name}, namespace: ${namespace} }
rules: [{ apiGroups: [''], resources: [${resource}], resourceNames: [${name}], verbs: [get, list, watch] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ${resource}-${name}, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: ${resource}-${name} }
subjects: [{ kind: ServiceAccount, name: malha-control-plane, namespace: ${namespace} }]
`);
}
