/**
 * What the control plane may do in the cluster: read what makes a World, and nothing else. It writes no object and
 * reads no Secret but those that a gateway names (see `Gateway`).
 */
import {
  ApiResource,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  type IServiceAccount,
  Role,
  RoleBinding,
} from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { kinds } from '../lib/api';

export function controlPlaneAccess(scope: Construct, account: IServiceAccount, namespace: string): void {
  // Cluster-scoped names carry the namespace, so that two meshes of a cluster do not share rights.
  const clusterWide = { metadata: { name: `malha-control-plane-${namespace}` } };
  const reader = new ClusterRole(scope, 'ClusterRole', clusterWide);
  reader.allowRead(
    ApiResource.NAMESPACES,
    ApiResource.NODES,
    ApiResource.PODS,
    ApiResource.SERVICE_ACCOUNTS,
    ApiResource.SERVICES,
    ApiResource.ENDPOINT_SLICES,
    ...kinds.map(({ group, plural }) => ApiResource.custom({ apiGroup: group, resourceType: plural })),
  );
  new ClusterRoleBinding(scope, 'ClusterRoleBinding', { ...clusterWide, role: reader }).addSubjects(account);

  const here = { metadata: { name: 'malha-control-plane', namespace } };
  const meshConfig = new Role(scope, 'Role', here);
  meshConfig.allowRead(ConfigMap.fromConfigMapName(scope, 'mesh-config', 'istio'));
  new RoleBinding(scope, 'RoleBinding', { ...here, role: meshConfig }).addSubjects(account);
}
