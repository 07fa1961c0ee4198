/**
 * Takes a mesh out of a cluster: what bears its mark goes, and nothing else. What was published or made while it ran bears the mark too.
 * The namespaces of members, their workloads and the mesh's objects that their authors wrote stay, and so does the control plane's own
 * namespace while anybody else keeps something there.
 *
 * The definitions of the kinds go only when that is asked for, because every object of these kinds goes with them, and only when
 * nobody else lives by them: those who check such objects, who own one, or who write one's status. The Gateway API is never ours.
 *
 * One revision of several goes alone, with its tags: what all of them share stays, and it goes only when nobody asks for it any more.
 */
import { kinds } from '../api/kinds';
import type { Pod } from '../api/kubernetes';
import { type KubeObject, objectName } from '../api/object';
import { MESH_LABEL, PART_OF_MALHA } from '../api/ownership';
import { controlPlaneHost } from '../api/revisions';
import { KubeApiError } from '../discovery/kubernetes/api-error';
import type { KubeClient } from '../discovery/kubernetes/client';
import { type Belonging, belongingsOf, isDerived, listed, type ServedResource, servedResources } from './belongings';
import { namespacesOf, revisionsOf } from './revisions';

export interface UninstallOptions {
  /** The control plane's. */
  readonly namespace: string;
  /** Whether the definitions of the mesh's kinds go too, with every object of them. */
  readonly definitions?: boolean;
  /** Only this one of the mesh's control planes. Default: all of the mesh. */
  readonly revision?: string;
  /** A revision goes although somebody asks for it. */
  readonly force?: boolean;
}

export interface Uninstallation {
  /** What goes, in this order. */
  readonly objects: readonly Belonging[];
  /** What goes with its definition, whoever wrote it. */
  readonly withDefinitions: readonly KubeObject[];
  /** What bears the mark and stays, and why. */
  readonly kept: readonly { readonly object: KubeObject; readonly reason: string }[];
  /** Why the definitions, or the revision, must stay; where there is one, nothing should be removed. */
  readonly obstacles: readonly string[];
  /** How many Pods keep a sidecar of this mesh, by namespace. */
  readonly sidecars: ReadonlyMap<string, number>;
  /** Groups of the API whose server does not answer: whether something is there is not known. */
  readonly silent: readonly string[];
}

const DEFINITION = 'CustomResourceDefinition';
/** First those by which others would wait for us, then our rights and programs, so that nothing is made anew. */
const FIRST = [
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
  'ClusterRoleBinding',
  'RoleBinding',
  'Deployment',
];
const LAST = ['Namespace', DEFINITION];
const STATUS_MANAGER = 'malha-status';
/** More than these are only counted. */
const NAMED = 5;

/** Reads only. @throws when the API server cannot be reached, or does not let this be read. */
export async function planUninstall(api: Pick<KubeClient, 'get'>, options: UninstallOptions): Promise<Uninstallation> {
  const { namespace, revision, definitions = false } = options;
  const { resources, silent } = await servedResources(api);
  const ours = await belongingsOf(api, resources, namespace, revision);
  const { going, kept } = await withoutFullNamespaces(api, resources, ours);
  const custom = resources.filter(({ group, plural }) => isOurKind(group, plural));
  const objects = definitions ? await listed(api, custom) : [];
  const found = definitions ? await definitionsOf(api, resources) : [];
  const all = [...going, ...found].sort((a, b) => rank(a.object) - rank(b.object));
  const paths = new Set(all.map(({ path }) => path));
  const sidecars = await sidecarsOf(api, namespace, revision);
  const asking = revision === undefined || options.force ? [] : await askingFor(api, namespace, revision, sidecars);
  return {
    objects: all,
    withDefinitions: objects.filter(({ path }) => !paths.has(path)).map(({ object }) => object),
    kept,
    obstacles: [...asking, ...(definitions ? await obstaclesOf(api, namespace, found, objects) : [])],
    sidecars,
    silent,
  };
}

/**
 * Deletes what was planned, if it still is the same, and waits until it is gone.
 * @returns what is still there after `timeoutMs`.
 * @throws what the API server says when it refuses.
 */
export async function uninstall(
  api: Pick<KubeClient, 'get' | 'request'>,
  { objects }: Pick<Uninstallation, 'objects'>,
  {
    timeoutMs,
    onGone,
    pause,
  }: {
    readonly timeoutMs: number;
    readonly onGone: (object: KubeObject) => void;
    readonly pause: (milliseconds: number) => Promise<void>;
  },
): Promise<KubeObject[]> {
  for (const { path, object } of objects) {
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      preconditions: { uid: object.metadata.uid },
    };
    await api.request('DELETE', path, { body }).catch(unlessGone);
  }
  let waiting = [...objects];
  for (let waited = 0; ; waited += BETWEEN_LOOKS_MS) {
    const still: Belonging[] = [];
    for (const each of waiting) {
      if (await isThere(api, each)) still.push(each);
      else onGone(each.object);
    }
    waiting = still;
    if (waiting.length === 0 || waited >= timeoutMs) return waiting.map(({ object }) => object);
    await pause(BETWEEN_LOOKS_MS);
  }
}

const BETWEEN_LOOKS_MS = 500;

async function isThere(api: Pick<KubeClient, 'get'>, { path, object }: Belonging): Promise<boolean> {
  const live = await api.get<KubeObject>(path).catch(unlessGone);
  return live !== undefined && live.metadata.uid === object.metadata.uid;
}

/** Gone already, or another one by now. */
function unlessGone(error: unknown): undefined {
  if (error instanceof KubeApiError && (error.isNotFound || error.isConflict)) return undefined;
  throw error;
}

function rank({ kind }: KubeObject): number {
  const first = FIRST.indexOf(kind);
  if (first >= 0) return first;
  return FIRST.length + 1 + LAST.indexOf(kind);
}

const isOurKind = (ofGroup: string, ofPlural: string): boolean =>
  kinds.some(({ group, plural }) => group === ofGroup && plural === ofPlural);

/** A namespace of ours goes when nothing is in it but what goes as well, and what every namespace has. */
async function withoutFullNamespaces(
  api: Pick<KubeClient, 'get'>,
  resources: readonly ServedResource[],
  ours: readonly Belonging[],
): Promise<{ going: Belonging[]; kept: Uninstallation['kept'] }> {
  const paths = new Set(ours.map(({ path }) => path));
  const kept: { object: KubeObject; reason: string }[] = [];
  for (const { object } of ours.filter(({ object }) => object.kind === 'Namespace')) {
    const { name: namespace } = object.metadata;
    const inside = resources.filter(({ namespaced }) => namespaced).map((resource) => ({ ...resource, namespace }));
    const others = (await listed(api, inside))
      .filter(({ path, object: other }) => !paths.has(path) && !isDerived(other) && !isOfEveryNamespace(other))
      .map(({ object: other }) => objectName(other));
    if (others.length > 0) kept.push({ object, reason: `it holds ${named(others)}` });
  }
  const stays = new Set(kept.map(({ object }) => object));
  return { going: ours.filter(({ object }) => !stays.has(object)), kept };
}

function isOfEveryNamespace({ kind, metadata: { name }, type }: KubeObject): boolean {
  if (kind === 'ConfigMap') return ['kube-root-ca.crt', 'openshift-service-ca.crt'].includes(name);
  if (kind === 'ServiceAccount') return ['default', 'builder', 'deployer'].includes(name);
  if (kind === 'RoleBinding') return name.startsWith('system:');
  return kind === 'Secret' && type === 'kubernetes.io/service-account-token';
}

async function definitionsOf(api: Pick<KubeClient, 'get'>, resources: readonly ServedResource[]): Promise<Belonging[]> {
  const all = await listed(
    api,
    resources.filter(({ kind }) => kind === DEFINITION),
  );
  return all.filter(({ object }) => {
    const { group, names } = object.spec as { group: string; names: { plural: string } };
    return isOurKind(group, names.plural);
  });
}

interface ManagedFields {
  readonly manager?: string;
  readonly subresource?: string;
}
interface Rules {
  readonly rules?: readonly { readonly apiGroups?: readonly string[] }[];
}

/** Who else lives by the definitions. */
async function obstaclesOf(
  api: Pick<KubeClient, 'get'>,
  namespace: string,
  definitions: readonly Belonging[],
  objects: readonly Belonging[],
): Promise<string[]> {
  const groups = new Set(kinds.map(({ group }) => group));
  const configurations = await Promise.all(
    ['mutating', 'validating'].map((part) =>
      api.get<{ items: (KubeObject & { webhooks?: readonly Rules[] })[] }>(
        `/apis/admissionregistration.k8s.io/v1/${part}webhookconfigurations`,
      ),
    ),
  );
  const others = configurations
    .flatMap(({ items }) => items)
    .filter(({ metadata }) => metadata.labels?.[MESH_LABEL] !== namespace)
    .filter(({ webhooks = [] }) =>
      webhooks.some(({ rules = [] }) =>
        rules.some(({ apiGroups = [] }) => apiGroups.some((group) => groups.has(group))),
      ),
    )
    .map(({ metadata }) => `webhook configuration ${metadata.name} asks another control plane about these kinds`);
  const [mark, value] = Object.entries(PART_OF_MALHA)[0]!;
  const foreign = definitions
    .filter(({ object }) => object.metadata.labels?.[mark] !== value)
    .map(({ object }) => `${objectName(object)} was not made by Malha: it has no label ${mark}=${value}`);
  return [...others, ...foreign, ...objects.flatMap(({ object }) => ownersOf(object))];
}

function ownersOf(object: KubeObject): string[] {
  const { ownerReferences = [], managedFields = [] } = object.metadata as KubeObject['metadata'] & {
    managedFields?: readonly ManagedFields[];
  };
  const owners = ownerReferences
    .filter(({ controller }) => controller)
    .map(({ kind, name }) => `${objectName(object)} is owned by ${kind} ${name}`);
  const writers = managedFields
    .filter(({ subresource, manager }) => subresource === 'status' && manager !== STATUS_MANAGER)
    .map(({ manager }) => `${objectName(object)} has a status by ${manager}`);
  return [...owners, ...new Set(writers)];
}

/** Whom a revision is still for. */
async function askingFor(
  api: Pick<KubeClient, 'get'>,
  namespace: string,
  revision: string,
  sidecars: ReadonlyMap<string, number>,
): Promise<string[]> {
  const found = await revisionsOf(api, namespace);
  const members = namespacesOf(found, revision);
  const pods = [...sidecars.values()].reduce((sum, count) => sum + count, 0);
  const tags = found.tags.filter((each) => each.revision === revision).map(({ tag }) => tag);
  const byTag = tags.length > 0 ? ` (by its name, or by ${tags.join(', ')})` : '';
  return [
    ...(members.length > 0 ? [`namespaces ask for revision ${revision}${byTag}: ${named(members)}`] : []),
    ...(pods > 0 ? [`the proxies of ${pods} Pods have revision ${revision}: ${named([...sidecars.keys()])}`] : []),
  ];
}

async function sidecarsOf(
  api: Pick<KubeClient, 'get'>,
  namespace: string,
  revision: string | undefined,
): Promise<Map<string, number>> {
  const { items } = await api.get<{ items: Pod[] }>('/api/v1/pods');
  const counts = new Map<string, number>();
  const host = revision === undefined ? `.${namespace}.svc` : controlPlaneHost(namespace, revision);
  const asksUs = (args: readonly string[] = []) => args.some((arg) => arg.includes(host));
  for (const { metadata, spec } of items) {
    const proxies = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
    if (!proxies.some(({ name, args }) => name === 'istio-proxy' && asksUs(args))) continue;
    const place = metadata.namespace ?? '';
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return counts;
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).join(', ');
  return names.length > NAMED ? `${shown} and ${names.length - NAMED} more` : shown;
}
