/** What `malha uninstall` makes of clusters that others use too; test/cluster/uninstall.test.ts takes a mesh out of a real one. */
import { customResourceDefinition } from '../../lib/api/crd';
import { kinds } from '../../lib/api/kinds';
import { planUninstall, uninstall } from '../../lib/cluster';
import { refusal } from '../discovery/fake-api';

const VERBS = ['list', 'delete'];
const resource = (name: string, kind: string, namespaced = true) => ({ name, kind, namespaced, verbs: VERBS });
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const SERVICES = '/apis/networking.istio.io/v1/virtualservices';
const ours = { 'malha.dev/mesh': 'malha-system' };
const item = (name: string, metadata: object = {}) => ({
  metadata: { name, namespace: 'shop', uid: name, ...metadata },
});
const definition = (labels?: object) => ({
  ...customResourceDefinition(kinds.find(({ kind }) => kind === 'VirtualService')!),
  ...(labels && { metadata: { name: 'virtualservices.networking.istio.io', labels } }),
});

const empty: Record<string, unknown> = {
  '/apis': {
    groups: [
      { name: 'networking.istio.io', preferredVersion: { version: 'v1' } },
      { name: 'apiextensions.k8s.io', preferredVersion: { version: 'v1' } },
    ],
  },
  '/api/v1': { resources: [resource('configmaps', 'ConfigMap'), { ...resource('pods/log', 'Pod'), verbs: ['get'] }] },
  '/apis/networking.istio.io/v1': { resources: [resource('virtualservices', 'VirtualService')] },
  '/apis/apiextensions.k8s.io/v1': {
    resources: [resource('customresourcedefinitions', 'CustomResourceDefinition', false)],
  },
  '/api/v1/configmaps': { items: [] },
  '/api/v1/pods': { items: [] },
  [SERVICES]: { items: [] },
  [DEFINITIONS]: { items: [] },
  [`${WEBHOOKS}/mutatingwebhookconfigurations`]: { items: [] },
  [`${WEBHOOKS}/validatingwebhookconfigurations`]: { items: [] },
};

function apiOf(cluster: Record<string, unknown>) {
  return {
    async get<T>(path: string, query: Record<string, unknown> = {}): Promise<T> {
      const key = query.labelSelector && cluster[`${path}?marked`] ? `${path}?marked` : path;
      const answer = cluster[key];
      if (answer === undefined) throw refusal(404, 'NotFound');
      if (answer instanceof Error) throw answer;
      return (query.labelSelector && key === path ? { items: [] } : answer) as T;
    },
  };
}
const plan = (cluster: object, definitions = true) =>
  planUninstall(apiOf({ ...empty, ...cluster }), { namespace: 'malha-system', definitions });

describe('the definitions stay', () => {
  test('while another control plane is asked about their objects', async () => {
    const rules = [{ apiGroups: ['networking.istio.io'] }];
    const items = [
      { metadata: { name: 'istio-validator-istio-system' }, webhooks: [{ rules }] },
      { metadata: { name: 'malha-validator-malha-system', labels: ours }, webhooks: [{ rules }] },
      { metadata: { name: 'of-certificates' }, webhooks: [{ rules: [{ apiGroups: ['cert-manager.io'] }] }] },
    ];
    const { obstacles } = await plan({ [`${WEBHOOKS}/validatingwebhookconfigurations`]: { items } });
    expect(obstacles).toEqual([
      'webhook configuration istio-validator-istio-system asks another control plane about these kinds',
    ]);
  });

  test('when somebody else has installed them', async () => {
    const { obstacles } = await plan({ [DEFINITIONS]: { items: [definition({ release: 'istio' })] } });
    expect(obstacles).toEqual([
      expect.stringContaining('CustomResourceDefinition virtualservices.networking.istio.io was not made by Malha'),
    ]);
  });

  test('while another controller says on an object what has become of it', async () => {
    const by = (manager: string) => ({ managedFields: [{ manager, subresource: 'status' }, { manager: 'kubectl' }] });
    const items = [item('a', by('pilot-discovery')), item('b', by('malha-status'))];
    const { obstacles, withDefinitions } = await plan({ [SERVICES]: { items } });
    expect(obstacles).toEqual(['VirtualService shop/a has a status by pilot-discovery']);
    expect(withDefinitions.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  });

  test('never those of the Gateway API', async () => {
    const gateway = { spec: { group: 'gateway.networking.k8s.io', names: { plural: 'gateways' } } };
    const items = [{ ...gateway, metadata: { name: 'gateways.gateway.networking.k8s.io' } }, definition()];
    const { objects, obstacles } = await plan({ [DEFINITIONS]: { items } });
    expect(objects.map(({ object }) => object.metadata.name)).toEqual(['virtualservices.networking.istio.io']);
    expect(obstacles).toEqual([]);
  });
});

test('what others make of an object of the mesh is not named: it goes with that', async () => {
  const owner = (apiVersion: string) => ({ ownerReferences: [{ apiVersion, kind: 'X', name: 'x', controller: true }] });
  const items = [item('made', owner('apps/v1')), item('gateway', owner('gateway.networking.k8s.io/v1')), item('own')];
  const { objects } = await plan({ '/api/v1/configmaps?marked': { items } }, false);
  expect(objects.map(({ object }) => object.metadata.name)).toEqual(['gateway', 'own']);
});

test('a group of the API that does not answer is named, and holds up nothing', async () => {
  const { silent, objects } = await plan({
    '/apis/networking.istio.io/v1': refusal(503, 'ServiceUnavailable'),
    '/api/v1/configmaps?marked': { items: [item('own')] },
  });
  expect(silent).toEqual(['networking.istio.io/v1']);
  expect(objects).toHaveLength(1);
});

test('what does not go in time is told, and what was replaced meanwhile is left alone', async () => {
  const own = {
    path: '/api/v1/namespaces/shop/configmaps/own',
    object: { apiVersion: 'v1', kind: 'ConfigMap', ...item('own') },
  };
  const other = { ...own, path: '/api/v1/namespaces/shop/configmaps/other' };
  const asked: unknown[] = [];
  const gone: string[] = [];
  const api = {
    async get<T>(path: string): Promise<T> {
      return item('own', path.endsWith('other') ? { uid: 'new' } : {}) as T;
    },
    async request<T>(method: string, _: string, { body }: { body?: unknown } = {}): Promise<T> {
      asked.push({ method, body });
      return {} as T;
    },
  };
  const left = await uninstall(
    api,
    { objects: [own, other] },
    {
      timeoutMs: 1_000,
      pause: async () => undefined,
      onGone: ({ metadata }) => gone.push(metadata.name),
    },
  );
  expect(left).toEqual([own.object]);
  expect(gone).toEqual(['own']);
  expect(asked[0]).toMatchObject({ method: 'DELETE', body: { preconditions: { uid: 'own' } } });
});
