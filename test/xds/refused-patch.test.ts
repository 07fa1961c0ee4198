/** Bad input: an EnvoyFilter of which a real Envoy refuses what it makes. It is told so; all else is served on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../../lib/api/object';
import { gatewayContainer } from '../../lib/injector';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { Translator } from '../../lib/pilot';
import { complete, proxyNamed, World } from '../../lib/world';
import { blamed } from '../../lib/xds/blame';
import { XdsServer } from '../../lib/xds/server';
import { silent } from './fake-client';
import { bootstrapOf, eventually, freePort, get } from './plain-envoy';

let app: Server;
let appPort: number;
let port: number;
let xds: XdsServer;
let envoy: ChildProcess;
let objects: readonly KubeObject[];
let world: World;
let changed = () => {};

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const route = (answer: string): KubeObject => ({
  apiVersion: GATEWAY_API,
  kind: 'HTTPRoute',
  metadata: { name: 'page', namespace: 'shop' },
  spec: {
    parentRefs: [{ name: 'edge' }],
    rules: [
      {
        filters: [
          { type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'x-unused', value: answer }] } },
          { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: `/${answer}` } } },
        ],
        backendRefs: [{ name: 'page', port: 80 }],
      },
    ],
  },
});

/** An HTTP filter in front of the others. */
const filter = (name: string, typed_config: object): KubeObject => ({
  apiVersion: 'networking.istio.io/v1alpha3',
  kind: 'EnvoyFilter',
  metadata: { name, namespace: 'shop' },
  spec: {
    configPatches: [
      {
        applyTo: 'HTTP_FILTER',
        match: {
          context: 'GATEWAY',
          listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } },
        },
        patch: { operation: 'INSERT_BEFORE', value: { name: `envoy.filters.http.${name}`, typed_config } },
      },
    ],
  },
});
const TYPES = 'type.googleapis.com/envoy.extensions.filters.http';
const GOOD = filter('good', {
  '@type': `${TYPES}.header_mutation.v3.HeaderMutation`,
  mutations: { request_mutations: [{ append: { header: { key: 'x-good', value: 'patched' } } }] },
});
/** It has to have a name for its statistics, which Envoy alone asks for. */
const limit = (stat_prefix: string) =>
  filter('wrong', { '@type': `${TYPES}.local_ratelimit.v3.LocalRateLimit`, stat_prefix });

const objectsOf = (...more: KubeObject[]) =>
  complete([
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'edge', namespace: 'shop', labels: { 'gateway.networking.k8s.io/gateway-name': 'edge' } },
      spec: { containers: [gatewayContainer({ workload: 'edge', ports: [{ name: 'http', containerPort: port }] })] },
    } as KubeObject,
    {
      apiVersion: GATEWAY_API,
      kind: 'Gateway',
      metadata: { name: 'edge', namespace: 'shop' },
      spec: { gatewayClassName: 'malha', listeners: [{ name: 'http', port, protocol: 'HTTP' }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'page', namespace: 'shop' },
      spec: { ports: [{ name: 'http', port: 80 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'page', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'page' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: appPort }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    } as KubeObject,
    ...more,
  ]);

const become = (...more: KubeObject[]) => {
  objects = objectsOf(...more);
  world = World.of(objects);
  changed();
};

beforeAll(async () => {
  app = createServer(({ url, headers }, response) => response.end(`${url}${headers['x-good'] ?? ''}`));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  appPort = (app.address() as AddressInfo).port;
  port = await freePort();
  become(route('first'));
  const translator = new Translator();
  xds = new XdsServer(
    {
      snapshot: () => translator.snapshot(world, proxyNamed(world, 'edge.shop')!),
      subscribe(onChange) {
        changed = onChange;
        return () => {};
      },
    },
    { log: silent },
  );
  const { path } = await findEnvoy();
  const bootstrap = JSON.stringify(bootstrapOf('delta', await xds.listen('127.0.0.1:0'), 'edge'));
  envoy = spawn(path, ['--config-yaml', bootstrap, '--use-dynamic-base-id', '-l', 'off'], { stdio: 'ignore' });
  await eventually(async () => expect(await get(port)).toBe('/first'));
});

afterAll(async () => {
  envoy.kill('SIGKILL');
  await once(envoy, 'exit');
  await xds.close();
  app.close();
  app.closeAllConnections();
});

/** Who is at fault for what is refused now. */
const culprits = () =>
  xds
    .rejected()
    .flatMap((each) => blamed(each, objects).objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`));

test('a patch that Envoy refuses is told of its object, not of the one beside it, and routes go on changing', async () => {
  become(route('first'), GOOD);
  await eventually(async () => expect(await get(port)).toBe('/firstpatched'));
  become(route('second'), GOOD, limit(''));
  await eventually(() => expect(culprits()).toEqual(['EnvoyFilter wrong']));
  await eventually(async () => expect(await get(port)).toBe('/secondpatched'));
});

test('once it is mended nobody is at fault any more', async () => {
  become(route('third'), GOOD, limit('named'));
  await eventually(async () => expect(await get(port)).toBe('/thirdpatched'));
  await eventually(() => expect(xds.rejected()).toEqual([]));
});
