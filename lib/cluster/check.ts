/**
 * Looks a cluster over, before a mesh is installed and after: what the mesh needs of it, whether the control plane is whole, and
 * which Pods are not what they should be. It only reads; what may not be read spoils the checks that need it, and no other.
 */

import { customResourceDefinition } from '../api/crd';
import { kinds } from '../api/kinds';
import type { Pod } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import { controlPlaneName, DEFAULT_REVISION, MESH_LEASE } from '../api/revisions';
import { isOfKubernetes } from '../api/webhooks';
import { trustBundleObject } from '../citadel/pod-certificate-signer';
import { KubeApiError } from '../discovery/kubernetes/api-error';
import type { Api } from '../discovery/kubernetes/client';
import { identitySourceOf } from '../world';
import { installedRevisions, revisionsOf } from './revisions';

/** `failed`: the mesh does not work like this. `warning`: it works, less well than it could. `absent`: there is nothing to check yet. */
export type CheckState = 'ok' | 'warning' | 'failed' | 'absent';

/** What a check found. */
export interface CheckResult {
  readonly name: string;
  readonly state: CheckState;
  /** One sentence without a period. */
  readonly message: string;
  /** What to do, where something is not ok. */
  readonly fix?: string;
}

export interface CheckOptions {
  /** The control plane's namespace. */
  readonly namespace: string;
  /** Only this one of its control planes. Default: all that are installed. */
  readonly revision?: string;
  readonly now: () => Date;
}

type Outcome = Omit<CheckResult, 'name'>;
type Check = (api: Pick<Api, 'get'>, options: CheckOptions) => Promise<Outcome>;
type Items<T = KubeObject> = { readonly items: readonly T[] };

const ok = (message: string): Outcome => ({ state: 'ok', message });
const not = (state: 'warning' | 'failed', message: string, fix: string): Outcome => ({ state, message, fix });
const NOT_INSTALLED: Outcome = { state: 'absent', message: 'no control plane is installed yet' };
/** More names than these are only counted. */
const NAMED = 5;

/** In the order in which they are told. */
const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ['kubernetes', kubernetes],
  ['pod certificates', podCertificates],
  ['definitions', definitions],
  ['gateway api', gatewayApi],
  ['control plane', controlPlane],
  ['revisions', revisions],
  ['leader', leader],
  ['trust bundle', trustBundle],
  ['webhooks', webhooks],
  ['sidecars', sidecars],
  ['keys', keys],
];

/** All checks, in their order. @throws when the API server cannot be reached at all. */
export async function checkCluster(api: Pick<Api, 'get'>, options: CheckOptions): Promise<CheckResult[]> {
  const once = askedOnce(api);
  const results: CheckResult[] = [];
  for (const [name, check] of CHECKS) results.push({ name, ...(await outcomeOf(check, once, options)) });
  return results;
}

/** Several checks look at the same Deployment and Pods: the API server is asked for each once. */
function askedOnce(api: Pick<Api, 'get'>): Pick<Api, 'get'> {
  const answers = new Map<string, Promise<unknown>>();
  return {
    get<T>(path: string): Promise<T> {
      const answer = answers.get(path) ?? api.get<T>(path);
      answers.set(path, answer);
      return answer as Promise<T>;
    },
  };
}

async function outcomeOf(check: Check, api: Pick<Api, 'get'>, options: CheckOptions): Promise<Outcome> {
  try {
    return await check(api, options);
  } catch (error) {
    if (!(error instanceof KubeApiError)) throw error;
    return not('failed', error.message, 'ask as somebody who may read this');
  }
}

/** Undefined where there is no such object or group. */
async function read<T>(api: Pick<Api, 'get'>, path: string): Promise<T | undefined> {
  try {
    return await api.get<T>(path);
  } catch (error) {
    if (error instanceof KubeApiError && error.isNotFound) return undefined;
    throw error;
  }
}

async function kubernetes(api: Pick<Api, 'get'>): Promise<Outcome> {
  const { major, minor, gitVersion } = await api.get<{ major: string; minor: string; gitVersion: string }>('/version');
  // Sidecars are init containers that go on; before, nodes may not know them.
  // https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
  if (Number(major) > 1 || Number.parseInt(minor, 10) >= 33) return ok(`Kubernetes ${gitVersion}`);
  return not('failed', `Kubernetes ${gitVersion} may not know native sidecars`, 'use Kubernetes 1.33 or newer');
}

async function podCertificates(api: Pick<Api, 'get'>): Promise<Outcome> {
  const group = await read<{ resources: { name: string }[] }>(api, '/apis/certificates.k8s.io/v1');
  const served = new Set(group?.resources.map(({ name }) => name));
  const missing = ['podcertificaterequests', 'clustertrustbundles'].filter((name) => !served.has(name));
  if (missing.length === 0) return ok('keys can be made on the nodes');
  return not(
    'warning',
    `certificates.k8s.io/v1 has no ${missing.join(' and no ')}: keys cannot be made on the nodes`,
    'turn these features on, or write new Mesh(…, { identity: Identity.sds() }), which sends keys over the wire once',
  );
}

interface Definition extends KubeObject {
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}

async function definitions(api: Pick<Api, 'get'>): Promise<Outcome> {
  const { items } = await api.get<Items<Definition>>('/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
  const established = new Set(
    items
      .filter(({ status }) =>
        status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True'),
      )
      .map(({ metadata }) => metadata.name),
  );
  const wanted = kinds.map((kind) => customResourceDefinition(kind).metadata.name);
  const missing = wanted.filter((name) => !established.has(name));
  if (missing.length === 0) return ok(`all ${wanted.length} kinds of the mesh are defined`);
  return not(
    'failed',
    `not defined: ${listed(missing)}`,
    'apply the first file of the manifests and wait: kubectl apply --server-side -f manifests/0000-mesh-crds.k8s.yaml',
  );
}

/** Written on the definitions by the API's own project. */
const BUNDLE_VERSION = 'gateway.networking.k8s.io/bundle-version';

async function gatewayApi(api: Pick<Api, 'get'>): Promise<Outcome> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gateways.gateway.networking.k8s.io';
  const gateways = await read<KubeObject>(api, path);
  if (gateways) return ok(`Gateway API ${gateways.metadata.annotations?.[BUNDLE_VERSION] ?? 'of an unknown version'}`);
  return { state: 'absent', message: 'the Gateway API is not installed; only its own objects need it' };
}

interface Deployment extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: { readonly availableReplicas?: number; readonly updatedReplicas?: number };
}

interface Installed {
  readonly revision: string;
  readonly name: string;
  readonly deployment: Deployment;
}

/** The control planes that are there, by the webhook configurations of their revisions; `default` where these say nothing. */
async function installed(api: Pick<Api, 'get'>, { namespace, revision }: CheckOptions): Promise<Installed[]> {
  const known = revision === undefined ? (await installedRevisions(api, namespace)).revisions : [revision];
  const all = await Promise.all(
    (known.length > 0 ? known : [DEFAULT_REVISION]).map(async (each) => {
      const name = controlPlaneName(each);
      const deployment = await read<Deployment>(api, `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
      return deployment ? [{ revision: each, name, deployment }] : [];
    }),
  );
  return all.flat();
}

async function controlPlane(api: Pick<Api, 'get'>, options: CheckOptions): Promise<Outcome> {
  const all = await installed(api, options);
  if (all.length === 0) return NOT_INSTALLED;
  const told = all.map(({ revision, name, deployment: { spec, status } }) => {
    const { replicas: wanted = 1 } = spec ?? {};
    const { availableReplicas: available = 0 } = status ?? {};
    const is = `${available} of ${wanted} replicas are available`;
    return { name, wanted, available, is: all.length > 1 ? `revision ${revision}: ${is}` : is };
  });
  const is = told.map((each) => each.is).join('; ');
  const poor = told.filter(({ available, wanted }) => available < wanted);
  if (poor.length === 0) return ok(is);
  const { name } = poor[0]!;
  const fix = `kubectl -n ${options.namespace} describe deployment,pods; kubectl -n ${options.namespace} logs deploy/${name}`;
  return not(poor.some(({ available }) => available === 0) ? 'failed' : 'warning', is, fix);
}

/** Which revisions and tags there are, whether tags stand for something, and whether whoever asks by a label is heard. */
async function revisions(api: Pick<Api, 'get'>, options: CheckOptions): Promise<Outcome> {
  if ((await installed(api, options)).length === 0) return NOT_INSTALLED;
  const { revisions: known, tags, namespaces } = await revisionsOf(api, options.namespace);
  if (known.length === 0) return { state: 'absent', message: 'no webhook configuration tells which there are' };
  const is = [
    `${known.length === 1 ? 'revision' : 'revisions'} ${known.join(', ')}`,
    ...tags.map(({ tag, revision }) => `tag ${tag} for ${revision}`),
  ].join(', ');
  const loose = tags.filter(({ revision }) => !known.includes(revision)).map(({ tag }) => tag);
  if (loose.length > 0) {
    return not(
      'failed',
      `${is}: nobody is there for tag ${listed(loose)}`,
      'malha tag set TAG --revision REVISION --overwrite',
    );
  }
  // Of other meshes too: what asks for theirs is no concern of ours.
  const everybody = await installedRevisions(api, undefined);
  const heard = new Set([...everybody.revisions, ...everybody.tags.map(({ tag }) => tag)]);
  const unheard = [...namespaces]
    .filter(([name]) => !heard.has(name))
    .flatMap(([name, members]) => members.map((member) => `${member} (${name})`));
  if (unheard.length > 0) {
    return not(
      'failed',
      `${is}: no revision or tag is there for namespaces ${listed(unheard)}`,
      'kubectl label namespace NAMESPACE istio.io/rev=REVISION --overwrite; see malha tag list',
    );
  }
  if (known.includes(DEFAULT_REVISION) || tags.some(({ tag }) => tag === DEFAULT_REVISION)) return ok(is);
  return not(
    'warning',
    `${is}: none is the default one, so objects that name no revision are judged by nobody before they are stored`,
    `malha tag set ${DEFAULT_REVISION} --revision ${known[0] ?? 'REVISION'}`,
  );
}

interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

/** How long nobody may lead: a lease's own time, and that of clocks that differ. */
const CLOCK_SKEW_SECONDS = 30;

async function leader(api: Pick<Api, 'get'>, options: CheckOptions): Promise<Outcome> {
  const { namespace } = options;
  const [first] = await installed(api, options);
  if (!first) return NOT_INSTALLED;
  const lease = await read<Lease>(api, `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${MESH_LEASE}`);
  const { holderIdentity, renewTime, leaseDurationSeconds = 0 } = lease?.spec ?? {};
  const silent = renewTime ? (options.now().getTime() - Date.parse(renewTime)) / 1000 : Number.POSITIVE_INFINITY;
  if (holderIdentity && silent <= leaseDurationSeconds + CLOCK_SKEW_SECONDS) return ok(`${holderIdentity} leads`);
  return not(
    'failed',
    holderIdentity ? `${holderIdentity} leads, but is silent for ${Math.round(silent)} s` : 'no replica leads',
    `nobody signs, publishes roots or writes statuses: kubectl -n ${namespace} logs deploy/${first.name}`,
  );
}

interface TrustBundle extends KubeObject {
  readonly spec?: { readonly trustBundle?: string };
}

async function trustBundle(api: Pick<Api, 'get'>, options: CheckOptions): Promise<Outcome> {
  if ((await installed(api, options)).length === 0) return NOT_INSTALLED;
  const { name } = trustBundleObject([]).metadata;
  const path = `/apis/certificates.k8s.io/v1/clustertrustbundles/${encodeURIComponent(name)}`;
  const bundle = await read<TrustBundle>(api, path);
  const roots = bundle?.spec?.trustBundle?.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0;
  if (roots > 0) return ok(`${name} holds ${roots} ${roots === 1 ? 'root' : 'roots'}`);
  return not(
    'warning',
    `there is no ClusterTrustBundle ${name}`,
    'Pods with podCertificate volumes wait for it: see whether a replica leads, and what its log says',
  );
}

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly {
    readonly clientConfig?: { readonly caBundle?: string; readonly service?: { namespace: string; name: string } };
  }[];
}

async function webhooks(api: Pick<Api, 'get'>, options: CheckOptions): Promise<Outcome> {
  const all = await installed(api, options);
  if (all.length === 0) return NOT_INSTALLED;
  const parts = await Promise.all(
    ['mutating', 'validating'].map(async (part) => {
      const path = `/apis/admissionregistration.k8s.io/v1/${part}webhookconfigurations`;
      const { items } = await api.get<Items<WebhookConfiguration>>(path);
      const ours = items.flatMap((item) => item.webhooks ?? []).map(({ clientConfig }) => clientConfig);
      const of = (name: string) =>
        ours.filter((config) => config?.service?.name === name && config.service.namespace === options.namespace);
      const mine = all.flatMap(({ name }) => of(name));
      const unasked = all.filter(({ name }) => of(name).length === 0).map(({ name }) => name);
      return { part, unasked, configured: mine.length, trusted: mine.filter((config) => config?.caBundle).length };
    }),
  );
  const missing = parts.filter(({ unasked }) => unasked.length > 0);
  if (missing.length > 0) {
    const names = [...new Set(missing.flatMap(({ unasked }) => unasked))].join(', ');
    const kinds = missing.map(({ part }) => part).join(' and no ');
    return not('failed', `no ${kinds} webhook asks ${names}`, 'apply the manifests again');
  }
  const untrusted = parts.filter(({ configured, trusted }) => trusted < configured).map(({ part }) => part);
  if (untrusted.length === 0) return ok('Pods are injected and objects are checked');
  const fix = 'the leader writes caBundle: see whether a replica leads';
  return not('failed', `the API server does not trust the ${untrusted.join(' and the ')} webhook yet`, fix);
}

/** Pods that are to have a sidecar by the label of their namespace, and have none. */
async function sidecars(api: Pick<Api, 'get'>): Promise<Outcome> {
  const namespaces = await api.get<Items>('/api/v1/namespaces');
  const members = new Set(namespaces.items.filter(isMember).map(({ metadata }) => metadata.name));
  const { items } = await api.get<Items<Pod>>('/api/v1/pods');
  const meant = items.filter((pod) => members.has(pod.metadata.namespace ?? '') && !isExcused(pod));
  const bare = meant.filter((pod) => !hasSidecar(pod)).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  if (bare.length === 0) return ok(`${meant.length} Pods of ${members.size} namespaces have their sidecar`);
  return not(
    'warning',
    `without a sidecar: ${listed(bare)}`,
    'they are older than the label of their namespace: kubectl -n NAMESPACE rollout restart deployment',
  );
}

function isMember({ metadata: { name, labels = {} } }: KubeObject): boolean {
  if (isOfKubernetes(name)) return false;
  return labels['istio-injection'] === 'enabled' || (!labels['istio-injection'] && Boolean(labels['istio.io/rev']));
}

function isExcused({ metadata, spec, status }: Pod): boolean {
  const isOver = (status as { phase?: string } | undefined)?.phase === 'Succeeded';
  const isRefused = metadata.labels?.['sidecar.istio.io/inject'] === 'false';
  return isOver || isRefused || Boolean((spec as { hostNetwork?: boolean } | undefined)?.hostNetwork);
}

function hasSidecar({ spec }: Pod): boolean {
  const { containers = [], initContainers = [] } = (spec ?? {}) as Record<string, { name: string }[] | undefined>;
  return [...containers, ...initContainers].some(({ name }) => name === 'istio-proxy');
}

async function keys(api: Pick<Api, 'get'>): Promise<Outcome> {
  const { items } = await api.get<Items<Pod>>('/api/v1/pods');
  const sources = items.map((pod) => ({ pod, source: identitySourceOf(pod) })).filter(({ source }) => source);
  const sent = sources.filter(({ source }) => source === 'ads');
  if (sent.length === 0) return ok(`the keys of ${sources.length} Pods have never left their nodes`);
  return not(
    'warning',
    `made by the control plane and sent over the wire once: ${listed(sent.map(({ pod: { metadata } }) => `${metadata.namespace}/${metadata.name}`))}`,
    'where the cluster has podCertificate volumes, write new Mesh(…, { identity: Identity.podCertificate() })',
  );
}

function listed(names: readonly string[]): string {
  const rest = names.length - NAMED;
  return names.slice(0, NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
