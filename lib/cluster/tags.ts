/** Sets and removes revision tags: names by which namespaces ask for a control plane, and which another one can take over. */
import { type KubeObject, objectName } from '../api/object';
import { MESH_LABEL, meshAnchorName } from '../api/ownership';
import { tagObjects } from '../api/revision-tags';
import { ALLOWED_REVISION, isRevisionName, TAG_LABEL } from '../api/revisions';
import { webhookName } from '../api/webhooks';
import { KubeApiError } from '../discovery/kubernetes/api-error';
import type { KubeClient } from '../discovery/kubernetes/client';
import { ownerOf } from './publication';
import { INJECTORS, type Revisions } from './revisions';

export interface TagWish {
  /** The control plane's. */
  readonly namespace: string;
  readonly tag: string;
  readonly revision: string;
  /** Whether a tag that stands for another revision may be moved. */
  readonly overwrite?: boolean;
}

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const RIGHTS = '/apis/rbac.authorization.k8s.io/v1';
const FOLDERS: Readonly<Record<string, string>> = {
  ClusterRole: `${RIGHTS}/clusterroles`,
  ClusterRoleBinding: `${RIGHTS}/clusterrolebindings`,
  MutatingWebhookConfiguration: INJECTORS,
  ValidatingWebhookConfiguration: `${ADMISSION}/validatingwebhookconfigurations`,
};
const MANAGER = 'malha-tag';

/** Why a tag cannot be set as wished; undefined: it can. */
export function tagObstacle({ tags, revisions }: Revisions, { tag, revision, overwrite }: TagWish): string | undefined {
  if (!isRevisionName(tag)) return `'${tag}' is no name of a tag; allowed are ${ALLOWED_REVISION}`;
  if (!revisions.includes(revision)) {
    return `there is no revision ${revision}; there are: ${revisions.join(', ') || 'none'}`;
  }
  if (revisions.includes(tag)) return `a revision has the name ${tag}; choose another, or remove that revision first`;
  const standing = tags.find((each) => each.tag === tag);
  if (standing && standing.revision !== revision && !overwrite) {
    return `tag ${tag} stands for ${standing.revision}; move it by --overwrite`;
  }
  return undefined;
}

/**
 * Applies the objects of a tag: rights before what they are for. Whom the API server trusts is taken over from the revision's own
 * configuration, so that the tag works at once; later the revision keeps it. The tag goes with the manifests of the mesh.
 */
export async function setTag(
  api: Pick<KubeClient, 'get' | 'patch'>,
  { namespace, revision, tag }: TagWish,
): Promise<void> {
  type Configuration = KubeObject & { webhooks?: { clientConfig: { caBundle?: string } }[] };
  const own = await api.get<Configuration>(`${INJECTORS}/${webhookName('injector', { namespace, revision })}`);
  const caBundle = own.webhooks?.find(({ clientConfig }) => clientConfig.caBundle)?.clientConfig.caBundle;
  const owners = await ownerOf(api, anchorOf(namespace)).catch(unlessMissing);
  const [rights, configurations] = [[] as KubeObject[], [] as KubeObject[]];
  for (const object of tagObjects({ namespace, revision, tag })) {
    if ('webhooks' in object) configurations.push(trusting(object as Configuration, caBundle));
    else rights.push(object);
  }
  for (const object of [...rights, ...configurations]) {
    const path = `${FOLDERS[object.kind]}/${encodeURIComponent(object.metadata.name)}`;
    const metadata = { ...object.metadata, ...(owners && { ownerReferences: owners }) };
    await api.patch(path, 'apply', { ...object, metadata }, { fieldManager: MANAGER, force: true });
  }

  function trusting(object: Configuration, bundle: string | undefined): KubeObject {
    const webhooks = object.webhooks!.map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, ...(bundle && { caBundle: bundle }) },
    }));
    return { ...object, webhooks };
  }
}

const anchorOf = (namespace: string) => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterroles',
  kind: 'ClusterRole',
  name: meshAnchorName(namespace),
});

function unlessMissing(error: unknown): undefined {
  if (error instanceof KubeApiError && error.isNotFound) return undefined;
  throw error;
}

/** Deletes the objects of a tag, however they came. @returns their names. */
export async function removeTag(
  api: Pick<KubeClient, 'get' | 'request'>,
  { namespace, tag }: Pick<TagWish, 'namespace' | 'tag'>,
): Promise<string[]> {
  const removed: string[] = [];
  // Those by which others are asked first.
  for (const kind of Object.keys(FOLDERS).reverse()) {
    const labelSelector = `${MESH_LABEL}=${namespace},${TAG_LABEL}=${tag}`;
    const { items } = await api.get<{ items: KubeObject[] }>(FOLDERS[kind]!, { labelSelector });
    for (const { metadata } of items) {
      await api.request('DELETE', `${FOLDERS[kind]}/${encodeURIComponent(metadata.name)}`).catch(unlessMissing);
      removed.push(objectName({ apiVersion: '', kind, metadata }));
    }
  }
  return removed;
}
