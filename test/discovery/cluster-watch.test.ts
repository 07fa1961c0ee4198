import type { Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { ClusterWatch } from '../../lib/discovery/kubernetes';
import { clusterResources, pathOf, resourceName } from '../../lib/discovery/kubernetes/resource';
import { injectObject } from '../../lib/injector';
import { identitySourceOf } from '../../lib/world';
import { FakeApi, FakeClock, refusal } from './fake-api';

const NAMESPACES = '/api/v1/namespaces';
const SERVICES = '/api/v1/services';
const PODS = '/api/v1/pods';
const GATEWAYS = '/apis/networking.istio.io/v1/gateways';
const EDGE_SECRETS = '/api/v1/namespaces/edge/secrets';

const object = (name: string, rest: object = {}): KubeObject =>
  ({ metadata: { name, namespace: 'edge' }, ...rest }) as unknown as KubeObject;
const gatewayPod = () =>
  object('edge-1', {
    metadata: { name: 'edge-1', namespace: 'edge', labels: { istio: 'edge' } },
    spec: { containers: [] },
  });
const gateway = (tls: object) =>
  object('edge', { spec: { selector: { istio: 'edge' }, servers: [{ tls: { mode: 'SIMPLE', ...tls } }] } });
const secret = (name: string) => object(name, { data: { 'tls.crt': 'YQ==', 'tls.key': 'Yg==', 'other.txt': 'Yw==' } });

let api: FakeApi;
let clock: FakeClock;
let watch: ClusterWatch | undefined;
let told: KubeObject[][];
let troubles: Record<string, string | undefined>;

beforeEach(() => {
  api = new FakeApi();
  clock = new FakeClock();
  told = [];
  troubles = {};
  api.put(NAMESPACES, { metadata: { name: 'kube-system', uid: api.clusterUid } } as KubeObject);
  api.put(SERVICES, object('web'));
});
afterEach(() => watch?.close());

async function start(): Promise<void> {
  watch = new ClusterWatch({
    api,
    rootNamespace: 'malha-system',
    clock,
    random: () => 0.5,
    onChange: (objects) => told.push(objects),
    onTrouble: (resource, trouble) => {
      troubles[resource] = trouble;
    },
  });
  await clock.advance(10);
}

const kindsTold = () => told.at(-1)?.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

test('a cluster is read from Kubernetes’ own resources and from every kind of the mesh', () => {
  const names = clusterResources('malha-system').map(resourceName);
  expect(names).toEqual(
    expect.arrayContaining([
      'namespaces',
      'nodes',
      'serviceaccounts',
      'pods',
      'services',
      'endpointslices.discovery.k8s.io',
      'configmaps malha-system/istio',
      'virtualservices.networking.istio.io',
      'authorizationpolicies.security.istio.io',
      'telemetries.telemetry.istio.io',
    ]),
  );
});

describe('nothing is told', () => {
  test.each(clusterResources('malha-system').map((resource) => [resourceName(resource), pathOf(resource)]))(
    'while %s cannot be listed',
    async (name, path) => {
      api.failures.set(path, new Error('away'));
      await start();
      await clock.advance(120_000);
      expect(told).toEqual([]);
      expect(troubles[name]).toBe('away');

      api.failures.clear();
      await clock.advance(30_000);
      await watch!.whole;
      expect(kindsTold()).toEqual(['Namespace kube-system', 'Service web']);
      expect(troubles[name]).toBeUndefined();
    },
  );

  test('before the Secrets are there that gateways name', async () => {
    api.put(GATEWAYS, gateway({ credentialName: 'edge-tls' }));
    api.put(PODS, gatewayPod());
    api.put(EDGE_SECRETS, secret('edge-tls'));
    api.failures.set(EDGE_SECRETS, new Error('away'));
    await start();
    await clock.advance(60_000);
    expect(told).toEqual([]);
    api.failures.clear();
    await clock.advance(30_000);
    expect(kindsTold()).toContain('Secret edge-tls');
  });

  test('after it has been closed', async () => {
    await start();
    const before = told.length;
    watch!.close();
    api.put(SERVICES, object('late'));
    await clock.advance(1000);
    expect(told.length).toBe(before);
  });
});

test('changes that come together are told together', async () => {
  await start();
  const before = told.length;
  for (let i = 0; i < 100; i++) api.put(SERVICES, object(`s${i}`));
  await clock.advance(10);
  expect(told.length).toBe(before + 1);
  expect(told.at(-1)).toHaveLength(102);
});

describe('of a Pod’s volumes', () => {
  const whole: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'edge' },
    spec: { containers: [{ name: 'app' }], volumes: [{ name: 'data', emptyDir: {} }] },
  };

  test.each(['podCertificate', 'sds'] as const)('it is known how its proxy proves itself: %s', async (identity) => {
    const pod = injectObject(whole, { identity }) as Pod;
    api.put(PODS, pod);
    await start();
    const [read] = told.at(-1)!.filter(({ kind }) => kind === 'Pod');
    expect(identitySourceOf(read as Pod)).toBe(identity === 'sds' ? 'ads' : 'files');
    expect(identitySourceOf(read as Pod)).toBe(identitySourceOf(pod));
    expect(JSON.stringify(read)).not.toContain('emptyDir');
  });
});

describe('a Secret', () => {
  beforeEach(() => {
    api.put(PODS, gatewayPod());
    for (const name of ['edge-tls', 'edge-tls-cacert', 'unrelated']) api.put(EDGE_SECRETS, secret(name));
  });

  test('is read by its name, only where a Gateway names it beside Pods that it selects, and only what TLS needs', async () => {
    api.put(GATEWAYS, gateway({ credentialName: 'edge-tls' }));
    await start();
    expect(kindsTold()?.filter((name) => name.startsWith('Secret'))).toEqual(['Secret edge-tls']);
    const [read] = told.at(-1)!.filter(({ kind }) => kind === 'Secret');
    expect(read!['data']).toEqual({ 'tls.crt': 'YQ==', 'tls.key': 'Yg==' });
    expect(api.requests.filter((request) => request.includes('secrets'))).toHaveLength(2);
  });

  test('with authorities is read beside it where clients are asked for certificates', async () => {
    api.put(GATEWAYS, gateway({ mode: 'MUTUAL', credentialName: 'edge-tls' }));
    await start();
    expect(kindsTold()).toEqual(expect.arrayContaining(['Secret edge-tls', 'Secret edge-tls-cacert']));
  });

  test('is forgotten when nobody names it any more', async () => {
    api.put(GATEWAYS, gateway({ credentialName: 'edge-tls' }));
    await start();
    api.delete(GATEWAYS, 'edge');
    await clock.advance(10);
    expect(kindsTold()).not.toContain('Secret edge-tls');
    expect(api.watches.filter(({ path }) => path === EDGE_SECRETS)).toEqual([]);
  });

  test('that may not be read holds up nobody, and is reported', async () => {
    api.put(GATEWAYS, gateway({ credentialName: 'edge-tls' }));
    api.failures.set(EDGE_SECRETS, refusal(403, 'secrets "edge-tls" is forbidden'));
    await start();
    expect(kindsTold()).toContain('Gateway edge');
    expect(troubles['secrets edge/edge-tls']).toContain('is forbidden');
  });

  test('is never asked for by a name that is none', async () => {
    api.put(GATEWAYS, gateway({ credentialName: '../../nodes' }));
    await start();
    expect(api.requests.filter((request) => request.includes('secrets'))).toEqual([]);
  });
});

test('of ten thousand Secrets that Gateways name a thousand are read, and the rest is reported', async () => {
  api.put(PODS, gatewayPod());
  const servers = Array.from({ length: 10_000 }, (_, index) => ({ tls: { credentialName: `tls-${index}` } }));
  api.put(GATEWAYS, object('edge', { spec: { selector: { istio: 'edge' }, servers } }));
  await start();
  expect(watch!.status().filter(({ resource }) => resource.startsWith('secrets'))).toHaveLength(1000);
  expect(troubles['secrets']).toBe('Gateways and images name 10000 Secrets; 9000 beyond 1000 are not read');
});
