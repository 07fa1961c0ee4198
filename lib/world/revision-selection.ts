/**
 * Which objects of a cluster a revision of the control plane goes by: those that name it by `istio.io/rev`, itself or by a tag, and
 * those that name none. Labels of core objects mean something else: who injects Pods there.
 */
import { kindOf } from '../api/kinds';
import type { KubeObject } from '../api/object';
import { MESH_LABEL } from '../api/ownership';
import { DEFAULT_REVISION, MESH_CONFIG_NAME, ofRevision, REVISION_LABEL, TAG_LABEL } from '../api/revisions';
import { isMeshConfig } from './mesh-config';

const TAGS = 'MutatingWebhookConfiguration';

/** A revision's own name and its tags, as the webhook configurations of its mesh say. */
export function namesOfRevision(
  objects: readonly KubeObject[],
  { namespace, revision = DEFAULT_REVISION }: { readonly namespace: string; readonly revision?: string },
): Set<string> {
  const tags = objects.flatMap(({ kind, metadata: { labels } }) =>
    kind === TAGS && labels?.[MESH_LABEL] === namespace && labels[REVISION_LABEL] === revision
      ? (labels[TAG_LABEL] ?? [])
      : [],
  );
  return new Set([revision, ...tags]);
}

/** What an object of the mesh says whom it is for; undefined: for all. */
export function askedRevision(object: KubeObject): string | undefined {
  const asked = object.metadata.labels?.[REVISION_LABEL];
  return asked !== undefined && kindOf(object) ? asked : undefined;
}

/** Tags are left out: they have been told. @param names of the revision, its own first. */
export function selectRevision(objects: readonly KubeObject[], names: ReadonlySet<string>): KubeObject[] {
  const [revision] = names;
  const own = ofRevision(MESH_CONFIG_NAME, revision);
  const isOwnConfig = (object: KubeObject) =>
    object.kind === 'ConfigMap' && object.metadata.name === own && isMeshConfig(object);
  const hasOwn = objects.some(isOwnConfig);
  return objects.filter((object) => {
    if (object.kind === TAGS) return false;
    if (object.kind === 'ConfigMap' && isMeshConfig(object)) return !hasOwn || isOwnConfig(object);
    const asked = askedRevision(object);
    return asked === undefined || names.has(asked);
  });
}
