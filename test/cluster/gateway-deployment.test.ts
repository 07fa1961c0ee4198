/** Gateways that deploy themselves, on a real API server: its controllers run the Deployment, and take it away with the Gateway. */
import { Testing } from 'cdk8s';
import { ServiceAccount } from 'cdk8s-plus-27';
import { controlPlaneAccess, gatewayDeployment } from '../../constructs/control-plane-access';
import type { KubeObject } from '../../lib/api/object';
import type { KubeClient } from '../../lib/discovery/kubernetes';
import { apply, connect, eventually, installGatewayApi, installKinds, kubeconfigOf, makeNamespace } from './cluster';
import { allowReading } from './control-plane-account';
import { ControlPlaneProgram } from './control-plane-program';
import { FakeKubelet } from './fake-kubelet';
import { PodNetwork } from './pod-network';

let client: KubeClient;
let namespace: string;
let kubelet: FakeKubelet;
let network: PodNetwork;
let controlPlane: ControlPlaneProgram;

beforeAll(async () => {
  installKinds();
  installGatewayApi();
  client = await connect();
  namespace = await makeNamespace(client, 'gateways');
  kubelet = await FakeKubelet.start(client, { namespaces: [namespace] });
  network = await PodNetwork.open();
  const chart = Testing.chart();
  const account = new ServiceAccount(chart, 'account', { metadata: { name: 'malha-control-plane', namespace } });
  controlPlaneAccess(chart, account, namespace);
  gatewayDeployment(chart, account, namespace);
  apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: Testing.synth(chart) }));
  apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: deployed-${namespace} }
spec: { controllerName: malha.dev/gateway-controller }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: taken-deployed-${namespace}, namespace: ${namespace} }
spec:
  replicas: 0
  selector: { matchLabels: { app: theirs } }
  template: { metadata: { labels: { app: theirs } }, spec: { containers: [{ name: app, image: theirs }] } }
---
${gateway('edge')}
---
${gateway('taken')}
`);
  const kubeconfig = await kubeconfigOf(client, namespace, 'malha-control-plane');
  const options = ['--root-namespace', namespace, '--write', '--deploy-gateways'];
  controlPlane = ControlPlaneProgram.start(kubeconfig, options);
  network.controlPlanePort = (await controlPlane.ready()).xds;
}, 90_000);

afterAll(async () => {
  await controlPlane?.stop();
  await network?.close();
  await kubelet?.stop();
  await client.request('DELETE', `/apis/gateway.networking.k8s.io/v1/gatewayclasses/deployed-${namespace}`);
  await client.request('DELETE', `/api/v1/namespaces/${namespace}`);
  client.close();
}, 60_000);

const gateway = (name: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  gatewayClassName: deployed-${namespace}
  infrastructure:
    labels: { team: edge }
    annotations: { networking.istio.io/service-type: ClusterIP, malha.dev/replicas: 1-3 }
  addresses: [{ type: IPAddress }]
  listeners: [{ name: http, port: 80, protocol: HTTP }]
`;

const nameOf = (gatewayName: string) => `${gatewayName}-deployed-${namespace}`;
const KINDS: readonly [group: string, plural: string][] = [
  ['/api/v1', 'serviceaccounts'],
  ['/apis/apps/v1', 'deployments'],
  ['/api/v1', 'services'],
  ['/apis/policy/v1', 'poddisruptionbudgets'],
  ['/apis/autoscaling/v2', 'horizontalpodautoscalers'],
];
const paths = (name: string) =>
  KINDS.map(([group, plural]) => `${group}/namespaces/${namespace}/${plural}/${nameOf(name)}`);
const find = (path: string) => client.get<KubeObject>(path).catch(() => undefined);
const all = (name: string) => Promise.all(paths(name).map(find));

interface Status {
  readonly conditions?: readonly { type: string; status: string; reason: string }[];
  readonly addresses?: readonly { value: string }[];
}
const gatewayPath = (name: string) => `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/gateways/${name}`;
const programmed = async (name: string) => {
  const { status } = await client.get<KubeObject>(gatewayPath(name));
  return (status as Status | undefined)?.conditions?.find(({ type }) => type === 'Programmed')?.reason;
};

test('GatewayInfrastructure: a Gateway gets a Deployment, a Service, a ServiceAccount, a disruption budget and an autoscaler, which are its own, with its labels and annotations', async () => {
  const objects = await eventually(
    () => all('edge'),
    (found) => found.every(Boolean),
  );
  const { metadata } = await client.get<KubeObject>(gatewayPath('edge'));
  for (const object of objects) {
    expect(object!.metadata.ownerReferences).toMatchObject([{ kind: 'Gateway', name: 'edge', uid: metadata.uid }]);
    expect(object!.metadata.labels).toMatchObject({
      team: 'edge',
      'gateway.networking.k8s.io/gateway-name': 'edge',
      'gateway.networking.k8s.io/gateway-class-name': `deployed-${namespace}`,
    });
    expect(object!.metadata.annotations).toMatchObject({ 'networking.istio.io/service-type': 'ClusterIP' });
  }
});

test('GatewayAddressEmpty: its Pod runs Envoy, and then the Gateway is programmed, at an address of the type that it wants', async () => {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const labelSelector = 'gateway.networking.k8s.io/gateway-name=edge';
  const [pod] = await eventually(
    async () => (await client.get<{ items: KubeObject[] }>(pods, { labelSelector })).items,
    (items) => items.length === 1 && Boolean((items[0]!.status as { podIP?: string }).podIP),
  );
  const { podIP } = pod!.status as { podIP: string };
  expect(await eventually(() => programmed('edge'), Boolean)).not.toBe('Programmed');

  await network.startProxy(pod!.metadata.name, namespace, podIP, 'router');

  await eventually(
    () => programmed('edge'),
    (reason) => reason === 'Programmed',
  );
  const [, , service] = await all('edge');
  const { status } = await client.get<KubeObject>(gatewayPath('edge'));
  const { clusterIP } = service!.spec as { clusterIP: string };
  expect((status as Status).addresses).toEqual([{ type: 'IPAddress', value: clusterIP }]);
  // Envoy runs without the right to port 80.
  expect(await network.connects(podIP, 8080)).toBe(true);
});

test('what is somebody else’s is left alone', async () => {
  await eventually(
    () =>
      controlPlane.lines.some(({ msg, object }) => /cannot be applied/.test(msg) && String(object).includes('taken-')),
    Boolean,
  );
  const theirs = await find(paths('taken')[1]!);
  expect(theirs!.metadata.ownerReferences).toBeUndefined();
  expect((theirs!.spec as { replicas: number }).replicas).toBe(0);
});

test('applying again changes nothing', async () => {
  const generations = async () =>
    (await all('edge')).map((object) => [object!.kind, object!.metadata.generation, object!.metadata.uid]);
  const before = await generations();
  const appliedBefore = controlPlane.lines.filter(({ msg }) => msg === 'applied for a Gateway').length;
  // Another World, in which a third Gateway is to be deployed: the others have been looked at when it is.
  apply(gateway('third'));
  await eventually(
    () => all('third'),
    (found) => found.every(Boolean),
  );
  expect(await generations()).toEqual(before);
  await eventually(
    () => controlPlane.lines.filter(({ msg }) => msg === 'applied for a Gateway').length,
    (count) => count === appliedBefore + KINDS.length,
  );
});

test('GatewayInfrastructure: parameters of a ConfigMap shape what is made, and it follows their changes; bad ones are said', async () => {
  const settings = (deployment: string) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: ${namespace} }
data: { deployment: "${deployment}", service: "spec: { sessionAffinity: ClientIP }" }
`;
  const requesting = (cpu: string) =>
    `spec: { template: { spec: { containers: [{ name: istio-proxy, resources: { requests: { cpu: ${cpu} } } }] } } }`;
  allowReading(namespace, 'configmaps', 'settings');
  apply(`${settings(requesting('70m'))}
---
${gateway('tuned').replace('infrastructure:', 'infrastructure:\n    parametersRef: { group: "", kind: ConfigMap, name: settings }')}
`);
  const cpu = async () => {
    const deployment = await find(paths('tuned')[1]!);
    const { template } = (deployment?.spec ?? {}) as { template?: { spec: { containers: { resources: object }[] } } };
    return template?.spec.containers[0]?.resources;
  };
  const requests = (wanted: string) => (resources: object | undefined) =>
    JSON.stringify(resources ?? {}).includes(`"cpu":"${wanted}"`);
  await eventually(cpu, requests('70m'));
  const service = await eventually(() => find(paths('tuned')[2]!), Boolean);
  expect(service!.spec).toMatchObject({ sessionAffinity: 'ClientIP' });

  apply(settings(requesting('80m')));
  await eventually(cpu, requests('80m'));

  apply(settings('spec: { template: { spec: { hostNetwork: true } } }'));
  const accepted = async () => {
    const { status } = await client.get<KubeObject>(gatewayPath('tuned'));
    return (status as Status | undefined)?.conditions?.find(({ type }) => type === 'Accepted')?.reason;
  };
  await eventually(accepted, (reason) => reason === 'InvalidParameters');
  expect(requests('80m')(await cpu())).toBe(true);
});

test('everything goes with the Gateway', async () => {
  await client.request('DELETE', gatewayPath('edge'));
  await eventually(
    () => all('edge'),
    (found) => found.every((object) => object === undefined),
    40,
  );
  // What never was the Gateway's stays when that goes.
  await client.request('DELETE', gatewayPath('taken'));
  expect(await find(paths('taken')[1]!)).toBeDefined();
});
