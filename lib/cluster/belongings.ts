/**
 * What a cluster holds, by the labels of `lib/api/ownership.ts`. Every kind that the API server serves is asked for, so that
 * nothing is overlooked because somebody forgot to name it here.
 */
import type { KubeObject } from '../api/object';
import { MESH_LABEL } from '../api/ownership';
import { REVISION_LABEL } from '../api/revisions';
import { KubeApiError } from '../discovery/kubernetes/api-error';
import type { KubeClient } from '../discovery/kubernetes/client';
import { pathOf, type Resource } from '../discovery/kubernetes/resource';

type Reader = Pick<KubeClient, 'get'>;

/** A kind that can be listed and deleted. */
export interface ServedResource extends Resource {
  readonly namespaced: boolean;
}

/** An object, and where it stands. */
export interface Belonging {
  readonly object: KubeObject;
  readonly path: string;
}

interface Group {
  readonly name: string;
  readonly preferredVersion: { readonly version: string };
}
interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

/** What others make of an object, and take away with it or soon after: kubelets' questions have no owner, and end by themselves. */
const DERIVED = ['events', 'endpoints', 'podmetrics', 'podcertificaterequests'];
const KUBERNETES_GROUPS = ['', 'apps', 'batch', 'discovery.k8s.io'];

/**
 * All kinds, in their preferred versions. A group whose server does not answer (aggregated APIs are often away) is left out,
 * and named.
 */
export async function servedResources(api: Reader): Promise<{ resources: ServedResource[]; silent: string[] }> {
  const { groups } = await api.get<{ groups: Group[] }>('/apis');
  const places = [
    { group: '', version: 'v1' },
    ...groups.map(({ name, preferredVersion: { version } }) => ({ group: name, version })),
  ];
  const silent: string[] = [];
  const resources = await Promise.all(
    places.map(async ({ group, version }): Promise<ServedResource[]> => {
      const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
      try {
        const list = await api.get<{ resources: ApiResource[] }>(path);
        return list.resources
          .filter(({ name, verbs }) => !name.includes('/') && ['list', 'delete'].every((verb) => verbs.includes(verb)))
          .filter(({ name }) => !DERIVED.includes(name))
          .map(({ name: plural, kind, namespaced }) => ({ group, version, plural, kind, namespaced }));
      } catch (error) {
        if (!(error instanceof KubeApiError)) throw error;
        silent.push(`${group}/${version}`);
        return [];
      }
    }),
  );
  return { resources: resources.flat(), silent };
}

/**
 * What bears the mark of the mesh whose control plane is in `namespace`, but for what goes with its owner anyway.
 * @param revision of it alone. Default: all.
 */
export async function belongingsOf(
  api: Reader,
  resources: readonly ServedResource[],
  namespace: string,
  revision?: string,
): Promise<Belonging[]> {
  const ofRevision = revision === undefined ? '' : `,${REVISION_LABEL}=${revision}`;
  const query = { labelSelector: `${MESH_LABEL}=${namespace}${ofRevision}` };
  return (await listed(api, resources, query)).filter(({ object }) => !isDerived(object));
}

/** All objects of these kinds. */
export async function listed(
  api: Reader,
  resources: readonly ServedResource[],
  query: Readonly<Record<string, string>> = {},
): Promise<Belonging[]> {
  const lists = await Promise.all(
    resources.map(async (resource) => {
      const { items } = await api.get<{ items: KubeObject[] }>(pathOf(resource), query);
      return items.map((item) => belonging(resource, item));
    }),
  );
  return lists.flat();
}

/** Lists leave out `apiVersion` and `kind` of their items. */
function belonging(resource: Resource, item: KubeObject): Belonging {
  const { group, version, kind } = resource;
  const object = { ...item, apiVersion: group === '' ? version : `${group}/${version}`, kind };
  const { namespace, name } = object.metadata;
  return { object, path: `${pathOf({ ...resource, namespace })}/${encodeURIComponent(name)}` };
}

/** What Kubernetes' own controllers make of another object: ReplicaSets, Pods, EndpointSlices. */
export function isDerived({ metadata }: KubeObject): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  if (!owner) return false;
  const { apiVersion = 'v1' } = owner;
  return KUBERNETES_GROUPS.includes(apiVersion.includes('/') ? apiVersion.split('/')[0]! : '');
}
