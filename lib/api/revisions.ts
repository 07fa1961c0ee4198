/**
 * Control planes of one mesh beside each other, each a revision: what they are called, and which of them is meant by labels.
 * Labels and their meaning are Istio's (https://istio.io/latest/docs/setup/upgrade/canary/): a namespace, Pod or object names a
 * revision by `istio.io/rev`, or a tag, which stands for a revision. The revision `default` has the plain names, and the tag
 * `default` stands for it; whoever has it also answers for `istio-injection: enabled` and for objects that name none.
 */

export const DEFAULT_REVISION = 'default';
/** On what is of a revision, and on what asks for one. */
export const REVISION_LABEL = 'istio.io/rev';
/** On the webhook configurations of a tag; their `istio.io/rev` says for which revision it stands. */
export const TAG_LABEL = 'istio.io/tag';
/** The control plane's Deployment, Service and ServiceAccount, of the default revision; label `app` of the Services of all. */
export const CONTROL_PLANE_NAME = 'malha-control-plane';
/** The mesh configuration's ConfigMap, of the default revision. */
export const MESH_CONFIG_NAME = 'istio';

const INJECTION = 'istio-injection';
const WISH = 'sidecar.istio.io/inject';
/** What is before it in the longest name, `malha-control-plane-`, which is a Service's and has 63 characters at most. */
const LONGEST = 63 - CONTROL_PLANE_NAME.length - 1;

type Labels = Readonly<Record<string, string>>;

/** `name` of the default revision, `name-REVISION` of another one. */
export function ofRevision(name: string, revision = DEFAULT_REVISION): string {
  return revision === DEFAULT_REVISION ? name : `${name}-${revision}`;
}

/** The name of a revision's Deployment, Service and ServiceAccount. */
export const controlPlaneName = (revision?: string): string => ofRevision(CONTROL_PLANE_NAME, revision);

/** What proxies of a revision resolve. */
export const controlPlaneHost = (namespace: string, revision?: string): string =>
  `${controlPlaneName(revision)}.${namespace}.svc.cluster.local`;

/** Whether a ServiceAccount, Service or Deployment of the system namespace is a control plane's, of whatever revision. */
export const isControlPlaneName = (name: string): boolean =>
  name === CONTROL_PLANE_NAME || name.startsWith(`${CONTROL_PLANE_NAME}-`);

/** The Lease of whoever does what is done once in a mesh, of whatever revision. */
export const MESH_LEASE = 'malha-leader';
/** The Lease of whoever does what is done once in a revision. Only who holds it may hold the mesh's. */
export const revisionLease = (revision = DEFAULT_REVISION): string => `${MESH_LEASE}-${revision}`;
export const leaseNames = (revision?: string): string[] => [MESH_LEASE, revisionLease(revision)];

/** Names of revisions and tags end names of Services and are values of labels: RFC 1123 labels, of 43 characters at most. */
export const isRevisionName = (name: string): boolean =>
  name.length <= LONGEST && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name);
export const ALLOWED_REVISION = `up to ${LONGEST} lower-case letters, digits and dashes; no dash at either end`;

/**
 * The revision or tag that a Pod asks for by its own labels and its namespace's; undefined: it is left alone. The selectors of
 * `webhookConfigurations` say the same to an API server.
 */
export function injectingRevision(namespace: Labels, pod: Labels): string | undefined {
  const injection = namespace[INJECTION];
  if (pod[WISH] === 'false') return undefined;
  if (injection !== undefined) return injection === 'enabled' ? DEFAULT_REVISION : undefined;
  const named = namespace[REVISION_LABEL] ?? pod[REVISION_LABEL];
  if (named !== undefined) return named;
  return pod[WISH] === 'true' ? DEFAULT_REVISION : undefined;
}

/** Whose a Gateway's workload is, by the Gateway's labels, else its namespace's, else the default revision's. */
export function owningRevision(object: Labels = {}, namespace: Labels = {}): string {
  return object[REVISION_LABEL] ?? namespace[REVISION_LABEL] ?? DEFAULT_REVISION;
}
