/** Which revisions and tags of a mesh a cluster has, by its webhook configurations, and who asks for them by its labels. */
import type { KubeObject } from '../api/object';
import { MESH_LABEL } from '../api/ownership';
import { DEFAULT_REVISION, injectingRevision, REVISION_LABEL, TAG_LABEL } from '../api/revisions';
import { isOfKubernetes } from '../api/webhooks';
import type { KubeClient } from '../discovery/kubernetes/client';

type Reader = Pick<KubeClient, 'get'>;

export interface RevisionTag {
  readonly tag: string;
  readonly revision: string;
}

export interface InstalledRevisions {
  readonly revisions: readonly string[];
  readonly tags: readonly RevisionTag[];
}

/** What a cluster has of one mesh, and who asks. */
export interface Revisions extends InstalledRevisions {
  /** Namespaces by the revision or tag that they name, and `default` of those with `istio-injection: enabled`. */
  readonly namespaces: ReadonlyMap<string, readonly string[]>;
}

export const INJECTORS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

/** @param namespace the control plane's; undefined: of whatever mesh, ours or Istio's. */
export async function installedRevisions(api: Reader, namespace: string | undefined): Promise<InstalledRevisions> {
  const { items } = await api.get<{ items: KubeObject[] }>(INJECTORS);
  const labelled = items.map(({ metadata }) => metadata.labels ?? {});
  const found = labelled.filter((labels) =>
    namespace === undefined ? labels[REVISION_LABEL] !== undefined : labels[MESH_LABEL] === namespace,
  );
  const revisionOf = (labels: Readonly<Record<string, string>>) => labels[REVISION_LABEL] ?? DEFAULT_REVISION;
  const plain = found.filter((labels) => labels[TAG_LABEL] === undefined).map(revisionOf);
  const tags = found.flatMap((labels) => {
    const tag = labels[TAG_LABEL];
    return tag === undefined ? [] : [{ tag, revision: revisionOf(labels) }];
  });
  return { revisions: [...new Set(plain)].sort(), tags: tags.sort((a, b) => (a.tag < b.tag ? -1 : 1)) };
}

/** @param namespace the control plane's. */
export async function revisionsOf(api: Reader, namespace: string): Promise<Revisions> {
  const [installed, { items }] = await Promise.all([
    installedRevisions(api, namespace),
    api.get<{ items: KubeObject[] }>('/api/v1/namespaces'),
  ]);
  const namespaces = new Map<string, string[]>();
  for (const { metadata } of items) {
    const asked = injectingRevision(metadata.labels ?? {}, {});
    // In one that ends, no Pod is made any more.
    if (asked === undefined || isOfKubernetes(metadata.name) || metadata.deletionTimestamp) continue;
    namespaces.set(asked, [...(namespaces.get(asked) ?? []), metadata.name]);
  }
  return { ...installed, namespaces };
}

/** The namespaces whose Pods a revision injects, asked for by its name or by a tag. */
export function namespacesOf({ tags, namespaces }: Revisions, revision: string): string[] {
  const names = [revision, ...tags.filter((each) => each.revision === revision).map(({ tag }) => tag)];
  return names.flatMap((name) => namespaces.get(name) ?? []).sort();
}
