/**
 * What the control plane may do in the cluster: read what makes a World, and say what it makes of it, on the status of the
 * mesh's objects, the Gateway API's and Ingresses; have tokens reviewed; sign as `malha.dev/workload`; publish the roots of the mesh; and
 * keep its own authority and Lease. Whatever has a name is allowed by that name. It reads no Secret but its own and those that
 * a gateway names (see `Gateway`).
 */
import { ApiObject } from 'cdk8s';
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
import type { KubeObject } from '../lib/api/object';
import { meshAnchorName } from '../lib/api/ownership';
import { controlPlaneName, leaseNames, MESH_CONFIG_NAME, ofRevision } from '../lib/api/revisions';
import { webhookName } from '../lib/api/webhooks';
import { ROOT_CONFIG_MAP } from '../lib/injector';
import { onRendered } from './rendered';

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

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const SIGNER = 'malha.dev/workload';
const READ = ['get', 'list', 'watch'];

export interface AccessOptions {
  readonly revision?: string;
  /** In a ConfigMap of each namespace. Default: in a ClusterTrustBundle alone. */
  readonly publishesRoots?: boolean;
}

export function controlPlaneAccess(
  scope: Construct,
  account: IServiceAccount,
  namespace: string,
  { revision, publishesRoots = false }: AccessOptions = {},
): void {
  const name = controlPlaneName(revision);
  // Cluster-scoped names carry the namespace, so that two meshes of a cluster do not share rights.
  const clusterWide = { metadata: { name: `${name}-${namespace}` } };
  const reader = new ClusterRole(scope, 'ClusterRole', clusterWide);
  readsTheWorld(reader);
  const withStatus = [...kinds, ...gatewayApiKinds.filter(({ kind }) => STATUS_KINDS.has(kind))];
  reader.allow(
    ['patch'],
    ...withStatus.map(({ group, plural }) => custom(group, `${plural}/status`)),
    custom('networking.k8s.io', 'ingresses/status'),
  );
  withRules(reader, [...clusterRules(namespace, revision), ...(publishesRoots ? rootConfigMapRules : [])]);
  new ClusterRoleBinding(scope, 'ClusterRoleBinding', { ...clusterWide, role: reader }).addSubjects(account);

  const here = { metadata: { name, namespace } };
  const own = new Role(scope, 'Role', here);
  readsMeshConfig(own, revision);
  withRules(own, ownRules(revision));
  new RoleBinding(scope, 'RoleBinding', { ...here, role: own }).addSubjects(account);
}

/** Its own, else that of the default revision. */
function readsMeshConfig(role: Role, revision: string | undefined): void {
  for (const name of new Set([MESH_CONFIG_NAME, ofRevision(MESH_CONFIG_NAME, revision)])) {
    role.allowRead(ConfigMap.fromConfigMapName(role, name, name));
  }
}

/** What a World is made of. */
function readsTheWorld(role: ClusterRole): void {
  role.allowRead(
    ApiResource.NAMESPACES,
    ApiResource.NODES,
    ApiResource.PODS,
    ApiResource.SERVICE_ACCOUNTS,
    ApiResource.SERVICES,
    ApiResource.ENDPOINT_SLICES,
    ApiResource.INGRESSES,
    ApiResource.INGRESS_CLASSES,
    // By their labels they say which tags stand for which revision.
    custom('admissionregistration.k8s.io', 'mutatingwebhookconfigurations'),
    ...[...kinds, ...gatewayApiKinds].map(({ group, plural }) => custom(group, plural)),
  );
}

/** It reads what the control plane reads to make a World, and may do nothing else. */
export function standbyAccess(scope: Construct, account: IServiceAccount, namespace: string, revision?: string): void {
  const clusterWide = { metadata: { name: `${account.name}-${namespace}` } };
  const reader = new ClusterRole(scope, 'ClusterRole', clusterWide);
  readsTheWorld(reader);
  new ClusterRoleBinding(scope, 'ClusterRoleBinding', { ...clusterWide, role: reader }).addSubjects(account);
  const here = { metadata: { name: account.name, namespace } };
  const own = new Role(scope, 'Role', here);
  readsMeshConfig(own, revision);
  new RoleBinding(scope, 'RoleBinding', { ...here, role: own }).addSubjects(account);
}

function clusterRules(namespace: string, revision: string | undefined): PolicyRule[] {
  const certificates = ['certificates.k8s.io'];
  const webhooks = (plural: string, part: 'injector' | 'validator'): PolicyRule => ({
    apiGroups: ['admissionregistration.k8s.io'],
    resources: [plural],
    resourceNames: [webhookName(part, { namespace, revision })],
    verbs: ['patch'],
  });
  return [
    { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    { apiGroups: certificates, resources: ['podcertificaterequests'], verbs: READ },
    { apiGroups: certificates, resources: ['podcertificaterequests/status'], verbs: ['patch'] },
    { apiGroups: certificates, resources: ['signers'], resourceNames: [SIGNER], verbs: ['sign', 'attest'] },
    // What is created has no name yet, by which it could be allowed; `attest` is what lets a bundle name the signer.
    { apiGroups: certificates, resources: ['clustertrustbundles'], verbs: ['create'] },
    {
      apiGroups: certificates,
      resources: ['clustertrustbundles'],
      resourceNames: [`${SIGNER.replace('/', ':')}:mesh`],
      verbs: [...READ, 'patch'],
    },
    // Its tags are among them, and what is in them is no secret.
    { apiGroups: ['admissionregistration.k8s.io'], resources: ['validatingwebhookconfigurations'], verbs: READ },
    webhooks('mutatingwebhookconfigurations', 'injector'),
    webhooks('validatingwebhookconfigurations', 'validator'),
    // The owner of what is published: by it, uninstalling takes that away as well.
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['clusterroles'],
      resourceNames: [meshAnchorName(namespace)],
      verbs: ['get'],
    },
  ];
}

const rootConfigMapRules: PolicyRule[] = [
  { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: [ROOT_CONFIG_MAP], verbs: [...READ, 'patch'] },
];

/** In the control plane's own namespace. */
function ownRules(revision: string | undefined): PolicyRule[] {
  const secrets = { apiGroups: [''], resources: ['secrets'] };
  const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
  return [
    { ...secrets, verbs: ['create'] },
    { ...secrets, resourceNames: ['malha-ca-secret'], verbs: [...READ, 'update'] },
    { ...secrets, resourceNames: ['cacerts'], verbs: READ },
    { ...leases, verbs: ['create'] },
    { ...leases, resourceNames: leaseNames(revision), verbs: ['get', 'update'] },
  ];
}

/** cdk8s-plus knows neither names of resources that are not its own, nor subresources, nor signers. */
function withRules(role: ClusterRole | Role, more: readonly PolicyRule[]): void {
  onRendered<KubeObject & { rules?: PolicyRule[] }>(ApiObject.of(role), (rendered) => ({
    ...rendered,
    rules: [...(rendered.rules ?? []), ...more],
  }));
}

/**
 * What it may do besides where it makes the workloads of Gateways: get, create and apply five kinds, in every namespace, as
 * Gateways are in every namespace. Whoever has these rights can run Pods; that is why they are a role of their own.
 */
export function gatewayDeployment(
  scope: Construct,
  account: IServiceAccount,
  namespace: string,
  revision?: string,
): void {
  const named = { metadata: { name: `${ofRevision('malha-gateways', revision)}-${namespace}` } };
  const role = new ClusterRole(scope, 'GatewaysRole', named);
  role.allow(
    ['get', 'create', 'patch'],
    ApiResource.DEPLOYMENTS,
    ApiResource.SERVICES,
    ApiResource.SERVICE_ACCOUNTS,
    ApiResource.POD_DISRUPTION_BUDGETS,
    ApiResource.HORIZONTAL_POD_AUTOSCALERS,
  );
  new ClusterRoleBinding(scope, 'GatewaysRoleBinding', { ...named, role }).addSubjects(account);
}
