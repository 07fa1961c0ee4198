/** EnvoyFilters of bootstraps, by every way on which a bootstrap is made; a real Envoy reads the result. */
import { execFileSync } from 'node:child_process';
import { injectionVerdict } from '../../lib/admission';
import type { Container, Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { workloadsOf } from '../../lib/controllers/gateway-deployer';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { inject, PROXY_CONTAINER, withBootstrapPatches } from '../../lib/injector';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { podsHere } from '../../lib/local/pods-here';
import { bootstrapPatchesOf, World } from '../../lib/world';

type Bootstrap = envoy.config.bootstrap.v3.Bootstrap;

const SINK = {
  name: 'envoy.stat_sinks.statsd',
  typedConfig: {
    '@type': 'type.googleapis.com/envoy.config.metrics.v3.StatsdSink',
    address: { socketAddress: { address: '127.0.0.1', portValue: 8125 } },
  },
};

function filter(value: object, { name = 'start', namespace = 'shop', context = 'ANY', operation = 'MERGE' } = {}) {
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace },
    spec: { configPatches: [{ applyTo: 'BOOTSTRAP', match: { context }, patch: { operation, value } }] },
  };
}

const pod = (): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', labels: { 'sidecar.istio.io/inject': 'true' } },
  spec: { containers: [{ name: 'web' }] },
  status: { podIP: '198.18.0.1' },
});

function proxyOf(containers: readonly Container[] | undefined): Container | undefined {
  return containers?.find(({ name }) => name === PROXY_CONTAINER);
}

function started(proxy: Container | undefined): Bootstrap {
  const args = proxy?.args ?? [];
  return JSON.parse(args[args.indexOf('--config-yaml') + 1]!) as Bootstrap;
}

function injected(...objects: KubeObject[]): Bootstrap {
  const world = World.of(objects);
  const made = inject(pod(), { bootstrapPatchesFor: (proxy) => bootstrapPatchesOf(world, proxy) });
  return started(proxyOf(made.spec?.initContainers));
}

test('a patch is merged into the bootstrap as protobuf merges: lists are joined, or replaced where it says so', () => {
  const plain = injected();
  const merged = injected(filter({ statsSinks: [SINK], static_resources: { clusters: [{ name: 'mine' }] } }));
  expect(merged.stats_sinks).toHaveLength(1);
  const clusters = plain.static_resources?.clusters?.map(({ name }) => name) ?? [];
  expect(merged.static_resources?.clusters?.map(({ name }) => name)).toEqual([...clusters, 'mine']);
  const layers = { layeredRuntime: { layers: [{ name: 'only', static_layer: {} }] } };
  const replaced = injected(filter(layers, { operation: 'MERGE_AND_REPLACE_LIST' }));
  expect(replaced.layered_runtime?.layers?.map(({ name }) => name)).toEqual(['only']);
});

test('Envoy starts with what was merged, and would not with what is wrong', async () => {
  const { path } = await findEnvoy();
  const judged = (bootstrap: Bootstrap) => {
    const text = JSON.stringify(bootstrap).replaceAll('$(POD_IP)', '127.0.0.1');
    const args = ['--mode', 'validate', '--service-node', 'a', '--service-cluster', 'a', '-l', 'error'];
    return execFileSync(path, [...args, '--config-yaml', text], { encoding: 'utf8', stdio: 'pipe' });
  };
  expect(judged(injected(filter({ statsSinks: [SINK] })))).toContain('OK');
  expect(() => judged(injected(filter({ statsSinks: [{ ...SINK, name: '', typedConfig: undefined }] })))).toThrow();
});

test('the root namespace comes first, and a filter is for its own namespace, its workloads and its side', () => {
  const named = (name: string) => ({ node: { cluster: name } });
  const cluster = (...objects: KubeObject[]) => injected(...objects).node?.cluster;
  expect(cluster(filter(named('own')), filter(named('root'), { namespace: 'istio-system' }))).toBe('own');
  expect(cluster(filter(named('root'), { namespace: 'istio-system' }))).toBe('root');
  expect(cluster(filter(named('other'), { namespace: 'other' }))).toBeUndefined();
  expect(cluster(filter(named('gateway'), { context: 'GATEWAY' }))).toBeUndefined();
  const selective = filter(named('selected'));
  expect(cluster({ ...selective, spec: { ...selective.spec, workloadSelector: { labels: { app: 'x' } } } })).toBe(
    undefined,
  );
});

test('a patch that Envoy’s API does not know is left out alone', () => {
  const objects = [filter({ nonsense: 1 }), filter({ node: { cluster: 'good' } }, { name: 'zz' })];
  expect(injected(...objects)).toEqual({ ...injected(), node: { ...injected().node, cluster: 'good' } });
});

test('is never merged twice, whoever sees the Pod next', () => {
  const patches = bootstrapPatchesOf(World.of([filter({ statsSinks: [SINK] })]), {
    type: 'sidecar',
    namespace: 'shop',
    labels: {},
  });
  const once = withBootstrapPatches(inject(pod()), patches);
  expect(withBootstrapPatches(once, patches)).toBe(once);
  expect(started(proxyOf(once.spec?.initContainers)).stats_sinks).toHaveLength(1);
});

test('holds for a Pod that is admitted, by the namespace of the request', () => {
  const world = World.of([filter({ statsSinks: [SINK] })]);
  const { metadata, ...rest } = pod();
  const object = { ...rest, metadata: { name: metadata.name, labels: metadata.labels } };
  const verdict = injectionVerdict(
    { uid: '1', operation: 'CREATE', namespace: 'shop', object } as Parameters<typeof injectionVerdict>[0],
    {
      injection: { bootstrapPatchesFor: (proxy) => bootstrapPatchesOf(world, proxy) },
      systemNamespace: 'malha-system',
    },
  );
  expect(JSON.stringify(verdict.patch)).toContain('StatsdSink');
});

test('holds on this machine for Pods whose manifests have a proxy already', () => {
  const [here] = podsHere([inject(pod()), filter({ statsSinks: [SINK] })], 'none') as Pod[];
  expect(started(proxyOf(here?.spec?.initContainers)).stats_sinks).toHaveLength(1);
});

test('holds for Gateways that deploy themselves', () => {
  const deployed = (context: string) =>
    workloadsOf(
      World.of([
        {
          apiVersion: 'gateway.networking.k8s.io/v1',
          kind: 'Gateway',
          metadata: { name: 'edge', namespace: 'shop', uid: '1' },
          spec: { gatewayClassName: 'malha', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
        },
        filter({ statsSinks: [SINK] }, { context }),
      ]),
      {},
    ).find(({ kind }) => kind === 'Deployment') as { spec: { template: { spec: { containers: Container[] } } } };
  const sinks = (context: string) => started(proxyOf(deployed(context).spec.template.spec.containers)).stats_sinks;
  expect(sinks('GATEWAY')).toHaveLength(1);
  expect(sinks('SIDECAR_OUTBOUND')).toBeUndefined();
});
