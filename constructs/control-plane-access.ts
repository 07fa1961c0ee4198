/**
 * What the control plane may do in the cluster: read what makes a World, and say what it makes of it, on the status of the
 * mesh's objects and the Gateway API's. It reads no Secret but those that a gateway names (see `Gateway`).
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
import { gatewayApiKinds } from '../lib/api/gateway-api';

/** Those of the Gateway API on which conditions are written. */
const STATUS_KINDS = new Set([
  'GatewayClass',
  'Gateway',
  'ListenerSet',
  'HTTPRoute',
  'GRPCRoute',
  'TLSRoute',
  'TCPRoute',
  'BackendTLSPolicy',
]);

const custom = (apiGroup: string, resourceType: string) => ApiResource.custom({ apiGroup, resourceType });

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
    ...[...kinds, ...gatewayApiKinds].map(({ group, plural }) => custom(group, plural)),
  );
  const withStatus = [...kinds, ...gatewayApiKinds.filter(({ kind }) => STATUS_KINDS.has(kind))];
  reader.allow(['patch'], ...withStatus.map(({ group, plural }) => custom(group, `${plural}/status`)));
  new ClusterRoleBinding(scope, 'ClusterRoleBinding', { ...clusterWide, role: reader }).addSubjects(account);

  const here = { metadata: { name: 'malha-control-plane', namespace } };
  const meshConfig = new Role(scope, 'Role', here);
  meshConfig.allowRead(ConfigMap.fromConfigMapName(scope, 'mesh-config', 'istio'));
  new RoleBinding(scope, 'RoleBinding', { ...here, role: meshConfig }).addSubjects(account);
}

/**
 * What it may do besides where it makes the workloads of Gateways: get, create and apply three kinds, in every namespace, as
 * Gateways are in every namespace. Whoever has these rights can run Pods; that is why they are a role of their own.
 */
export function gatewayDeployment(scope: Construct, account: IServiceAccount, namespace: string): void {
  const named = { metadata: { name: `malha-gateways-${namespace}` } };
  const role = new ClusterRole(scope, 'GatewaysRole', named);
  role.allow(['get', 'create', 'patch'], ApiResource.DEPLOYMENTS, ApiResource.SERVICES, ApiResource.SERVICE_ACCOUNTS);
  new ClusterRoleBinding(scope, 'GatewaysRoleBinding', { ...named, role }).addSubjects(account);
}
