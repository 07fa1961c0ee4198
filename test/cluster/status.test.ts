/** Status conditions on a real API server, by a control plane with no more rights than our manifests give it, for real Envoys. */
import type { KubeObject } from '../../lib/api/object';
import type { KubeClient } from '../../lib/discovery/kubernetes';
import { apply, connect, eventually, installGatewayApi, installKinds, kubeconfigOf, makeNamespace } from './cluster';
import { allowControlPlane, allowReading } from './control-plane-account';
import { ControlPlaneProgram } from './control-plane-program';
import { FakeKubelet } from './fake-kubelet';
import { PodNetwork } from './pod-network';

const OURS = 'malha.dev/gateway-controller';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}
interface Conditioned {
  readonly conditions?: readonly Condition[];
}
interface Status extends Conditioned {
  readonly observedGeneration?: number;
  readonly addresses?: readonly { value: string }[];
  readonly listeners?: readonly (Conditioned & { name: string; attachedRoutes: number })[];
  readonly parents?: readonly (Conditioned & {
    controllerName: string;
    parentRef: { name: string; sectionName?: string };
  })[];
}

let client: KubeClient;
let namespace: string;
let other: string;
let kubelet: FakeKubelet;
let gatewayNetwork: PodNetwork;
let clientNetwork: PodNetwork;
let controlPlane: ControlPlaneProgram;

beforeAll(async () => {
  installKinds();
  installGatewayApi();
  client = await connect();
  namespace = await makeNamespace(client, 'status');
  other = await makeNamespace(client, 'status-other');
  kubelet = await FakeKubelet.start(client, { namespaces: [namespace] });
  gatewayNetwork = await PodNetwork.open();
  clientNetwork = await PodNetwork.open();
  const account = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  await eventually(() => client.get(account).catch(() => undefined), Boolean);
  allowControlPlane(namespace);
  // The Gateway names a Secret: its certificate is allowed by name, as `Gateway` of a program does.
  allowReading(namespace, 'secrets', 'broken');
  apply(WORLD());
  const kubeconfig = await kubeconfigOf(client, namespace, 'malha-control-plane');
  controlPlane = ControlPlaneProgram.start(kubeconfig, ['--root-namespace', namespace, '--write']);
  const { xds } = await controlPlane.ready();
  gatewayNetwork.controlPlanePort = xds;
  clientNetwork.controlPlanePort = xds;
}, 90_000);

afterAll(async () => {
  await controlPlane?.stop();
  await gatewayNetwork?.close();
  await clientNetwork?.close();
  await kubelet?.stop();
  for (const name of [namespace, other]) await client.request('DELETE', `/api/v1/namespaces/${name}`);
  client.close();
}, 60_000);

const gateway = (name: string, listeners: string) => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  gatewayClassName: malha
  listeners:
${listeners}`;

const route = (name: string, spec: string) => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}`;

const service = (name: string, place: string, labels: string) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${place} }
spec: { selector: { ${labels} }, ports: [{ name: http, port: 80 }] }`;

const virtualService = (name: string, http: string) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec: { hosts: [web], http: [{ ${http} }] }`;

const WORLD = () => `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: malha }
spec: { controllerName: ${OURS} }
---
apiVersion: v1
kind: Secret
metadata: { name: broken, namespace: ${namespace} }
type: Opaque
stringData: { tls.crt: none, tls.key: none }
${service('web', namespace, 'app: web')}
${service('edge', namespace, 'gateway.networking.k8s.io/gateway-name: edge')}
${service('inner', namespace, 'app: inner')}
${service('theirs', other, 'app: theirs')}
${gateway(
  'edge',
  `
  - { name: http, port: 80, protocol: HTTP }
  - { name: again, port: 80, protocol: TCP }
  - { name: shop, port: 8080, protocol: HTTP, hostname: shop.example.com }
  - { name: secure, port: 8443, protocol: HTTPS, tls: { certificateRefs: [{ name: broken }] } }
  allowedListeners: { namespaces: { from: Same } }`,
)}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: { name: more, namespace: ${namespace} }
spec:
  parentRef: { name: edge }
  listeners:
  - { name: own, port: 8081, protocol: HTTP }
  - { name: twin, port: 8080, protocol: HTTP, hostname: shop.example.com }
---
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: { name: misplaced, namespace: ${namespace} }
spec: { parentRefs: [{ name: edge, sectionName: shop }], hostnames: [shop.example.com], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }
${route('good', '{ parentRefs: [{ name: edge, sectionName: shop }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }')}
${route('missing', '{ parentRefs: [{ name: edge, sectionName: shop }], rules: [{ backendRefs: [{ name: gone, port: 80 }] }] }')}
${route('ungranted', `{ parentRefs: [{ name: edge, sectionName: shop }], rules: [{ backendRefs: [{ name: theirs, namespace: ${other}, port: 80 }] }] }`)}
${route('nowhere', '{ parentRefs: [{ name: edge, sectionName: nope }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }')}
${route('in-the-mesh', '{ parentRefs: [{ group: "", kind: Service, name: inner, sectionName: http }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }')}
${route('in-no-mesh', '{ parentRefs: [{ group: "", kind: Service, name: inner, sectionName: nope }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }')}
${route('at-a-set', '{ parentRefs: [{ kind: ListenerSet, name: more, sectionName: own }], rules: [{ backendRefs: [{ name: web, port: 80 }] }, { filters: [{ type: ExtensionRef, extensionRef: { group: example.com, kind: Magic, name: wand } }] }] }')}
${route('elsewhere', '{ parentRefs: [{ name: edge, sectionName: shop }], hostnames: [other.example.org], rules: [{}] }')}
---
apiVersion: v1
kind: Pod
metadata: { name: client, namespace: ${namespace}, labels: { app: client } }
spec: { containers: [{ name: app, image: app }] }
---
apiVersion: v1
kind: Pod
metadata: { name: edge-1, namespace: ${namespace}, labels: { gateway.networking.k8s.io/gateway-name: edge } }
spec: { containers: [{ name: istio-proxy, image: envoy }] }
${virtualService('web', 'timeout: 1s, route: [{ destination: { host: web } }]')}
`;

const path = (group: string, plural: string, name: string) =>
  `/apis/${group}/v1/namespaces/${namespace}/${plural}/${name}`;
const gatewayApi = (plural: string, name: string) => path('gateway.networking.k8s.io', plural, name);
const istio = (plural: string, name: string) => path('networking.istio.io', plural, name);

async function statusOf(at: string): Promise<Status> {
  return ((await client.get<KubeObject>(at)).status ?? {}) as Status;
}

const brief = ({ conditions = [] }: Conditioned = {}): Record<string, string> =>
  Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));

const ours = ({ parents = [] }: Status) => parents.filter(({ controllerName }) => controllerName === OURS);

/** Waits until the conditions of an object are these, at least. */
async function becomes(at: string, pick: (status: Status) => Conditioned | undefined, wanted: Record<string, string>) {
  const said = await eventually(
    async () => brief(pick(await statusOf(at))),
    (found) => Object.entries(wanted).every(([type, value]) => found[type] === value),
  );
  expect(said).toMatchObject(wanted);
}

test('the class of gateways is accepted, with what is served', async () => {
  const at = '/apis/gateway.networking.k8s.io/v1/gatewayclasses/malha';
  await becomes(at, (status) => status, { Accepted: 'True Accepted' });
  const { supportedFeatures } = (await statusOf(at)) as { supportedFeatures?: { name: string }[] };
  expect(supportedFeatures?.map(({ name }) => name)).toContain('HTTPRoute');
});

test('a Gateway is programmed when its proxy has acknowledged it, and not before', async () => {
  const at = gatewayApi('gateways', 'edge');
  const whole = (status: Status) => status;
  await becomes(at, whole, { Accepted: 'True ListenersNotValid', Programmed: 'False Pending' });

  await gatewayNetwork.startProxy('edge-1', namespace, kubelet.addressOf(namespace, 'edge-1'), 'router');

  await becomes(at, whole, { Accepted: 'True ListenersNotValid', Programmed: 'True Programmed' });
  const { addresses } = await statusOf(at);
  const { spec } = await client.get<KubeObject<{ clusterIP: string }>>(`/api/v1/namespaces/${namespace}/services/edge`);
  expect(addresses).toEqual([{ type: 'IPAddress', value: spec!.clusterIP }]);
});

test('each listener says what is wrong with it', async () => {
  const { listeners = [] } = await statusOf(gatewayApi('gateways', 'edge'));
  const said = Object.fromEntries(listeners.map((listener) => [listener.name, brief(listener)]));
  expect(said).toMatchObject({
    shop: { Accepted: 'True Accepted', Programmed: 'True Programmed', ResolvedRefs: 'True ResolvedRefs' },
    again: { Conflicted: 'True ProtocolConflict', Programmed: 'False Invalid' },
    secure: { ResolvedRefs: 'False InvalidCertificateRef', Programmed: 'False Invalid' },
  });
  // Good, missing and ungranted: attached are routes whose references do not lead anywhere, too.
  expect(listeners.find(({ name }) => name === 'shop')?.attachedRoutes).toBe(3);
});

test.each([
  ['good', { Accepted: 'True Accepted', ResolvedRefs: 'True ResolvedRefs' }],
  ['missing', { Accepted: 'True Accepted', ResolvedRefs: 'False BackendNotFound' }],
  ['ungranted', { Accepted: 'True Accepted', ResolvedRefs: 'False RefNotPermitted' }],
  ['nowhere', { Accepted: 'False NoMatchingParent' }],
  ['elsewhere', { Accepted: 'False NoMatchingListenerHostname' }],
  ['in-the-mesh', { Accepted: 'True Accepted', ResolvedRefs: 'True ResolvedRefs' }],
  ['in-no-mesh', { Accepted: 'False NoMatchingParent' }],
  ['at-a-set', { Accepted: 'True Accepted', PartiallyInvalid: 'True UnsupportedValue' }],
])('route %s gets the conditions that the API names', async (name, wanted) => {
  await becomes(gatewayApi('httproutes', name), (status) => ours(status)[0], wanted);
});

test('a TLSRoute at a listener of another protocol says that this is not supported', async () => {
  await becomes(gatewayApi('tlsroutes', 'misplaced'), (status) => ours(status)[0], {
    Accepted: 'False UnsupportedValue',
  });
});

test('a ListenerSet is part of its Gateway, without the listener that the Gateway has itself', async () => {
  const at = gatewayApi('listenersets', 'more');
  await becomes(at, (status) => status, { Accepted: 'True Accepted', Programmed: 'True Programmed' });
  const { listeners = [] } = await statusOf(at);
  expect(Object.fromEntries(listeners.map((listener) => [listener.name, brief(listener)]))).toMatchObject({
    own: { Accepted: 'True Accepted', Programmed: 'True Programmed', Conflicted: 'False NoConflicts' },
    twin: {
      Accepted: 'False PortUnavailable',
      Programmed: 'False PortUnavailable',
      Conflicted: 'True HostnameConflict',
    },
  });
  expect(listeners.map(({ attachedRoutes }) => attachedRoutes)).toEqual([1, 0]);
  expect(await statusOf(gatewayApi('gateways', 'edge'))).toMatchObject({ attachedListenerSets: 1 });
});

test('what another controller has written about a route stays', async () => {
  const at = gatewayApi('httproutes', 'good');
  const theirs = {
    controllerName: 'example.com/controller',
    parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'of-theirs' },
    conditions: [
      { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ],
  };
  const before = await client.get<KubeObject>(at);
  const parents = [...((before.status as Status).parents ?? []), theirs];
  await client.request('PUT', `${at}/status`, { body: { ...before, status: { parents } } });

  const rules = [{ backendRefs: [{ name: 'gone', port: 80 }] }];
  await client.patch(at, 'merge', { spec: { rules } });

  await becomes(at, (status) => ours(status)[0], { ResolvedRefs: 'False BackendNotFound' });
  const after = await client.get<KubeObject>(at);
  const status = after.status as Status;
  expect(status.parents).toContainEqual(theirs);
  expect(ours(status)[0]!.conditions![0]!.observedGeneration).toBe(after.metadata.generation);
});

test('a VirtualService is accepted, and programmed when the proxies that it concerns have it', async () => {
  const at = istio('virtualservices', 'web');
  await clientNetwork.startProxy('client', namespace, kubelet.addressOf(namespace, 'client'));
  await becomes(at, (status) => status, { Accepted: 'True Accepted', Programmed: 'True Programmed' });
  expect((await statusOf(at)).observedGeneration).toBe(1);

  // The metrics tell that the proxy has connected and has had everything once.
  await eventually(
    async () =>
      (await controlPlane.status()).proxies.find(({ node }) => node.id.includes('client'))?.types.routes.state,
    (state) => state === 'synced',
  );
  clientNetwork.freeze();
  await client.patch(at, 'merge', { spec: { http: [{ timeout: '2s', route: [{ destination: { host: 'web' } }] }] } });
  await becomes(at, (status) => status, { Accepted: 'True Accepted', Programmed: 'Unknown Pending' });

  clientNetwork.wake();
  await becomes(at, (status) => status, { Programmed: 'True Programmed' });
  expect((await statusOf(at)).observedGeneration).toBe(2);
});

test('a VirtualService that Galley refuses says why, though no webhook kept it out', async () => {
  apply(virtualService('invalid', 'route: [{ destination: { host: web }, weight: -5 }]').slice(5));
  const at = istio('virtualservices', 'invalid');
  await becomes(at, (status) => status, { Accepted: 'False Invalid', Programmed: 'False Invalid' });
  const [accepted] = (await statusOf(at)).conditions!;
  expect(accepted!.message).toContain('spec.http[0].route[0].weight');
});

test('an Ingress gets the addresses of the Service that leads to its gateway, and loses them with it', async () => {
  apply(`
apiVersion: v1
kind: Pod
metadata: { name: front-1, namespace: ${namespace}, labels: { istio: ingressgateway } }
spec: { containers: [{ name: istio-proxy, image: envoy }] }
---
apiVersion: v1
kind: Service
metadata: { name: front, namespace: ${namespace} }
spec: { type: LoadBalancer, selector: { istio: ingressgateway }, ports: [{ name: http, port: 80 }] }
${['istio', 'theirs']
  .map(
    (name) => `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: of-${name}, namespace: ${namespace} }
spec: { ingressClassName: ${name}, defaultBackend: { service: { name: web, port: { number: 80 } } } }
`,
  )
  .join('')}`);
  const balance = (ingress: object[]) =>
    client.patch(`/api/v1/namespaces/${namespace}/services/front/status`, 'merge', {
      status: { loadBalancer: { ingress } },
    });
  const addresses = async (name: string) =>
    ((await statusOf(path('networking.k8s.io', 'ingresses', name))) as { loadBalancer?: { ingress?: object[] } })
      .loadBalancer?.ingress;
  await balance([{ ip: '192.0.2.8' }, { hostname: 'front.example' }]);
  const told = await eventually(() => addresses('of-istio'), Boolean);
  expect(told).toEqual([{ ip: '192.0.2.8' }, { hostname: 'front.example' }]);
  expect(await addresses('of-theirs')).toBeUndefined();

  await client.request('DELETE', `/api/v1/namespaces/${namespace}/services/front`);
  await eventually(() => addresses('of-istio').then((found) => found === undefined), Boolean);
});

test('an object of which a field is not served says which', async () => {
  apply(`
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: plugin, namespace: ${namespace} }
spec: { url: 'https://plugins.example.com/plugin.wasm' }
`);
  const at = `/apis/extensions.istio.io/v1alpha1/namespaces/${namespace}/wasmplugins/plugin`;
  await becomes(at, (status) => status, { Accepted: 'True Accepted', Programmed: 'False NotServed' });
});

test('what stands there is not written again', async () => {
  const list = async () => {
    const [routes, gateways, services] = await Promise.all(
      [gatewayApi('httproutes', ''), gatewayApi('gateways', ''), istio('virtualservices', '')].map((at) =>
        client.get<{ items: KubeObject[] }>(at.slice(0, -1)),
      ),
    );
    const items = [...routes!.items, ...gateways!.items, ...services!.items];
    return Object.fromEntries(
      items.map(({ metadata: { name, uid, resourceVersion } }) => [`${name} ${uid}`, resourceVersion]),
    );
  };
  const before = await list();
  expect(Object.keys(before).length).toBeGreaterThan(7);

  // Both are looked at, and the second has been written, when all the others have been looked at twice.
  for (const name of ['first', 'second']) {
    apply(virtualService(name, 'route: [{ destination: { host: web } }]').slice(5));
    await becomes(istio('virtualservices', name), (status) => status, { Accepted: 'True Accepted' });
  }

  expect(await list()).toMatchObject(before);
});
