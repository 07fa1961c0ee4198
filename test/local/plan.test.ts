import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../lib/api/object';
import { sidecarContainer } from '../../lib/injector';
import { type PlanOptions, planMesh } from '../../lib/local';
import { complete } from '../../lib/world';

const ranges = {
  transparent: { pods: '198.18.0.0/16', services: '198.19.0.0/16' },
  explicit: { pods: '127.18.0.0/16', services: '127.19.0.0/16' },
};

const SHOP = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: web }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart-v2, namespace: shop }
spec:
  template:
    metadata:
      labels: { app: cart, version: v2 }
      annotations: { traffic.sidecar.istio.io/excludeOutboundPorts: "5432" }
    spec:
      containers:
        - name: cart
          image: shop/cart:2
          env:
            - { name: ME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: GREETING, value: "I am $(ME)" }
          ports: [{ name: web, containerPort: 8080 }, { name: metrics, containerPort: 9100 }]
`;

describe('the plan of a run', () => {
  test('gives a workload without a word an echo service, on the ports of its Services and containers', () => {
    const cart = podNamed('cart-v2.shop', plan(SHOP));
    expect(cart.ports).toEqual([8080]);
    expect(appOf(cart)).toMatchObject({
      name: 'cart',
      kind: 'echo',
      command: ['echo'],
      env: { ECHO_PORTS: '8080,9100', ECHO_VERSION: 'v2', POD_NAME: 'cart-v2', GREETING: 'I am cart-v2' },
    });
  });

  test('runs what malha.dev/run says, with the placeholders filled in', () => {
    const text = annotated('$(MALHA) serve --at $(APP_ADDRESS) --me $(POD_NAME)@$(POD_IP) $(MESH_DIR)');
    const cart = podNamed('cart-v2.shop', plan(text));
    expect(appOf(cart)).toMatchObject({
      kind: 'app',
      command: ['node', 'malha.js', 'serve', '--at', '0.0.0.0', '--me', `cart-v2@${cart.ip}`, '/manifests'],
    });
  });

  test('leaves out what is not run here, and says so', () => {
    const { pods, notRun } = plan(annotated('none'));
    expect(pods.map(({ id }) => id)).toEqual(['malha-control-plane.malha-system']);
    expect(notRun).toEqual([{ id: 'cart-v2.shop', reason: 'malha.dev/run: none' }]);
  });

  test('names the Pod and the annotation when a command cannot be understood', () => {
    expect(() => plan(annotated('serve $(WHERE)'))).toThrow(
      'Pod shop/cart-v2, annotation malha.dev/run: there is no $(WHERE); allowed are $(POD_IP), $(POD_NAME)',
    );
  });

  test('injects where the namespace asks for it, as the webhook would', () => {
    expect(podNamed('cart-v2.shop', plan(SHOP)).role).toBe('sidecar');
    expect(podNamed('cart-v2.shop', plan(SHOP.replace('enabled', 'disabled'))).role).toBe('bare');
  });

  test('serves manifests without a control plane by one of its own', () => {
    const { controlPlane, pods } = plan(SHOP);
    expect(controlPlane).toMatchObject({ pod: 'malha-control-plane.malha-system', xdsTlsPort: 15012, httpPort: 15014 });
    expect(pods[0]?.processes[0]).toMatchObject({ kind: 'control-plane' });
    expect(pods[0]?.processes[0]?.command.join(' ')).toBe(
      `node malha.js control-plane --registry files --files /manifests --http ${controlPlane?.address}:15014 ` +
        '--pod-range 198.18.0.0/16 --service-range 198.19.0.0/16 --insecure --xds none ' +
        `--local-pods --xds-tls ${controlPlane?.address}:15012 ` +
        '--citadel /run/malha/citadel --token-keys /run/malha/token-keys.json',
    );
  });

  test('runs the control plane of the manifests when they have one, and shows it certificates made for this run', () => {
    const { controlPlane, pods } = plan(SHOP + CONTROL_PLANE, { extraDir: '/run/secrets' });
    expect(pods.filter(({ name }) => name.startsWith('malha'))).toHaveLength(1);
    const pod = podNamed('malha-cp.mesh', { pods });
    expect(controlPlane).toEqual({
      pod: 'malha-cp.mesh',
      address: pod.ip,
      xdsTlsPort: 15012,
      httpPort: 15014,
    });
    expect(pod.processes[0]?.command).toEqual(
      expect.arrayContaining(['node', 'malha.js', 'control-plane', '--files', '/run/secrets']),
    );
  });

  test('opens the plaintext port of xDS for a proxy that proves nothing, and for no other', () => {
    const plain = sidecarContainer({ workload: 'old' });
    const old = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'old', namespace: 'other' } };
    const pod = { ...old, spec: { initContainers: [plain], containers: [{ name: 'app' }] } };
    const result = plan(`${SHOP}---\n${JSON.stringify(pod)}`);
    expect(result.controlPlane?.xdsPort).toBe(15010);
    expect(JSON.stringify(bootstrapOf(podNamed('old.other', result)))).toContain('"port_value":15010');
    expect(JSON.stringify(bootstrapOf(podNamed('cart-v2.shop', result)))).not.toContain('15010');
  });

  test('tells proxies where the control plane is, and keeps the rest of their bootstrap', () => {
    const result = plan(SHOP);
    const bootstrap = bootstrapOf(podNamed('cart-v2.shop', result));
    const [xds] = bootstrap.static_resources.clusters;
    expect(xds).toMatchObject({ name: 'xds-grpc', type: 'STATIC' });
    expect(JSON.stringify(xds)).toContain(`{"address":"${result.controlPlane?.address}","port_value":15012}`);
    expect(bootstrap.admin.address.socket_address).toEqual({ address: '127.0.0.1', port_value: 15000 });
    expect(bootstrap.node.metadata).toEqual({ INTERCEPTION_MODE: 'REDIRECT' });
  });

  test('fills in who a proxy is, as the downward API does', () => {
    const cart = podNamed('cart-v2.shop', plan(SHOP));
    const { command } = cart.processes[0]!;
    expect(command[0]).toBe('/bin/envoy');
    expect(command).toContain(`sidecar~${cart.ip}~cart-v2.shop~shop.svc.cluster.local`);
  });

  test('captures by addresses alone in explicit capture', () => {
    const cart = podNamed('cart-v2.shop', plan(SHOP, { capture: 'explicit' }));
    expect(cart.appAddress).toBe(cart.ip.replace('127.18.', '127.17.'));
    expect(appOf(cart).env).toMatchObject({
      APP_ADDRESS: cart.appAddress,
      HTTP_PROXY: `http://${cart.appAddress}:15080`,
    });
    const bootstrap = bootstrapOf(cart);
    expect(bootstrap.node.metadata).toEqual({ INTERCEPTION_MODE: 'NONE', MALHA_APP_ADDRESS: cart.appAddress });
    expect(JSON.stringify(bootstrap)).not.toContain('127.0.0.1');
    expect(cart.redirection).toBeUndefined();
  });

  test('reads from annotations what is not redirected', () => {
    expect(podNamed('cart-v2.shop', plan(SHOP)).redirection).toMatchObject({ excludeOutboundPorts: [5432] });
  });

  test('knows the gateways and their ports', () => {
    const { gateways, pods } = plan(SHOP + GATEWAY);
    const { ip, role, ports } = podNamed('edge.shop', { pods });
    expect({ role, ports }).toEqual({ role: 'gateway', ports: [] });
    expect(gateways).toEqual([{ pod: 'edge.shop', ip, servicePort: 80, port: 8080 }]);
  });

  test('has no proxy, gateway or control plane when the mesh is left out', () => {
    const { pods, controlPlane } = plan(SHOP + GATEWAY, { mesh: false, capture: 'explicit' });
    expect(pods.map(({ id, role }) => [id, role])).toEqual([['cart-v2.shop', 'bare']]);
    expect(controlPlane).toBeUndefined();
    expect(appOf(pods[0]!).env).toMatchObject({
      APP_ADDRESS: pods[0]!.ip,
      CART_SERVICE_HOST: pods[0]!.ip,
      CART_SERVICE_PORT: '8080',
    });
  });

  test('does not send to pods that are left out', () => {
    const { pods, services, notRun } = plan(SHOP, { leaveOut: ['cart-v2.shop'] });
    expect(pods.map(({ role }) => role)).toEqual(['bare']);
    expect(services[0]?.ports[0]?.backends).toEqual([]);
    expect(notRun).toEqual([{ id: 'cart-v2.shop', reason: 'it was left out' }]);
  });

  test('does not give a pod the address of the bridge or of the control plane', () => {
    const taken = SHOP.replace('name: cart-v2, namespace: shop }', 'name: x, namespace: shop }') + FIRST_ADDRESS;
    const { bridge, controlPlane } = plan(taken);
    expect([bridge, controlPlane?.address]).toEqual(['198.18.0.2', '198.18.0.3']);
  });
});

const CONTROL_PLANE = `
---
apiVersion: v1
kind: Service
metadata: { name: malha-control-plane, namespace: mesh }
spec: { selector: { app: cp }, ports: [{ name: grpc-xds, port: 15010 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: malha-cp, namespace: mesh }
spec:
  replicas: 2
  template:
    metadata: { labels: { app: cp }, annotations: { malha.dev/run: $(MALHA) control-plane } }
    spec: { containers: [{ name: control-plane }] }
`;

const GATEWAY = `
---
apiVersion: v1
kind: Service
metadata: { name: edge, namespace: shop }
spec: { selector: { istio: ingressgateway }, ports: [{ name: http2, port: 80, targetPort: 8080 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: edge, namespace: shop }
spec:
  template:
    metadata: { labels: { istio: ingressgateway } }
    spec: { containers: [{ name: istio-proxy, image: auto, args: [proxy, router] }] }
`;

const FIRST_ADDRESS = `
---
apiVersion: v1
kind: Pod
metadata: { name: first, namespace: shop }
spec: { containers: [{ name: app }] }
status: { podIP: 198.18.0.1 }
`;

function plan(text: string, options: Partial<PlanOptions> = {}) {
  const { capture = 'transparent' } = options;
  const objects = parseAllDocuments(text).map((document): KubeObject => document.toJS());
  return planMesh(complete(objects, ranges[capture]), {
    capture,
    ranges: ranges[capture],
    dir: '/manifests',
    runDir: '/run/malha',
    malha: ['node', 'malha.js'],
    echo: ['echo'],
    envoy: '/bin/envoy',
    ...options,
  });
}

function annotated(run: string): string {
  return SHOP.replace('annotations: {', `annotations: { malha.dev/run: "${run}",`);
}

type Plan = Pick<ReturnType<typeof plan>, 'pods'>;
type Pod = Plan['pods'][number];

function podNamed(id: string, { pods }: Plan): Pod {
  const pod = pods.find((each) => each.id === id);
  if (!pod) throw new Error(`no ${id} in ${pods.map((each) => each.id).join(', ')}`);
  return pod;
}

function appOf(pod: Pod) {
  return pod.processes.find(({ kind }) => kind !== 'proxy')!;
}

function bootstrapOf(pod: Pod) {
  const { command } = pod.processes.find(({ kind }) => kind === 'proxy')!;
  return JSON.parse(command[command.indexOf('--config-yaml') + 1]!);
}
