/** Route configurations in parts: a real Envoy, and the simulator, answer as they do with one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import fc from 'fast-check';
import type { KubeObject } from '../../lib/api/object';
import type { envoy } from '../../lib/envoy/generated/envoy';
import type { Snapshot } from '../../lib/envoy/resource';
import { gatewayContainer } from '../../lib/injector';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { Translator } from '../../lib/pilot';
import { scopedRoutes, scopesOf, shardOf, wholeName } from '../../lib/pilot/gateway-shards';
import { Evaluation, Memo } from '../../lib/pilot/memo';
import { simulate } from '../../lib/simulator';
import { scopedRouteName } from '../../lib/simulator/scope';
import { complete, proxyNamed, World } from '../../lib/world';
import { XdsServer } from '../../lib/xds/server';
import { silent } from '../xds/fake-client';
import { bootstrapOf, eventually, freePort } from '../xds/plain-envoy';

const NODE = 'router~127.0.0.1~edge.shop~shop.svc.cluster.local';
const MANY = 1_200;

let port: number;

beforeAll(async () => {
  port = await freePort();
});

function gateway(): KubeObject[] {
  const labels = { 'gateway.networking.k8s.io/gateway-name': 'edge' };
  return complete([
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'edge', namespace: 'shop', labels },
      spec: { containers: [gatewayContainer({ workload: 'edge', ports: [{ name: 'http', containerPort: port }] })] },
    } as KubeObject,
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'edge', namespace: 'shop' },
      spec: { gatewayClassName: 'malha', listeners: [{ name: 'http', port, protocol: 'HTTP' }] },
    },
  ]);
}

/** Whoever comes is sent elsewhere, so that the answer tells which route it was. */
function route(name: string, hostname = `${name}.example`, to = name): KubeObject {
  const filter = { type: 'RequestRedirect', requestRedirect: { hostname: `${to}.elsewhere` } };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'shop' },
    spec: { parentRefs: [{ name: 'edge' }], hostnames: [hostname], rules: [{ filters: [filter] }] },
  };
}

const routes = (count: number) => [
  route('wild', '*.example'),
  ...Array.from({ length: count }, (_, i) => route(`route-${i}`)),
];

function translated(translator: Translator, objects: readonly KubeObject[]): Snapshot {
  const world = World.of([...gateway(), ...objects]);
  return translator.snapshot(world, proxyNamed(world, 'edge.shop')!);
}

test('the key that Envoy is told to compute is the part that has the host, in upper case and with a port too', () => {
  const scopes = scopesOf(new Evaluation(new Memo(), World.of([]), undefined), 'http.80');
  const manager = scopedRoutes('http.80');
  const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9_]{0,12}[a-z0-9])?$/);
  const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
  const strange = fc.constantFrom('[::1]', 'é.example', 'a b');
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: host }, strange), fc.constantFrom('', ':', ':8080'), (name, end) => {
      for (const authority of [name + end, name.toUpperCase() + end]) {
        expect(scopedRouteName({ scopes }, manager, authority)).toBe(`http.80/${shardOf(name)}`);
      }
    }),
    { numRuns: 500 },
  );
});

test('up to a thousand hosts stay in one route configuration, and so do wildcards without end', () => {
  expect(translated(new Translator(), routes(900)).routes.map(({ name }) => name)).toEqual([`http.${port}`]);
  const wild = Array.from({ length: MANY }, (_, i) => route(`wild-${i}`, `*.${i}.example`));
  expect(translated(new Translator(), wild).routes).toHaveLength(1);
});

test('one changed route changes one part of sixteen, and not the listener', () => {
  const translator = new Translator();
  const before = translated(translator, routes(MANY));
  const after = translated(translator, [...routes(MANY - 1), route(`route-${MANY - 1}`, undefined, 'anew')]);
  expect(before.routes).toHaveLength(16);
  expect(after.routes.filter((each) => !before.routes.includes(each))).toHaveLength(1);
  expect(after.listeners).toBe(before.listeners);
  expect(after.scopes).toBe(before.scopes);
});

test('a patch that names the route configuration is for all of its parts', () => {
  const patch: KubeObject = {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: 'patch', namespace: 'shop' },
    spec: {
      configPatches: [
        {
          applyTo: 'ROUTE_CONFIGURATION',
          match: { context: 'GATEWAY', routeConfiguration: { name: `http.${port}`, portNumber: port } },
          patch: { operation: 'MERGE', value: { response_headers_to_remove: ['server'] } },
        },
      ],
    },
  };
  const parts = translated(new Translator(), [...routes(MANY), patch]).routes;
  expect(new Set(parts.map(({ name }) => wholeName(name)))).toEqual(new Set([`http.${port}`]));
  for (const { message } of parts) expect(message).toMatchObject({ response_headers_to_remove: ['server'] });
});

test('the header by which Envoy chooses goes no further', () => {
  for (const { message } of translated(new Translator(), routes(MANY)).routes) {
    const { request_headers_to_remove: removed } = message as envoy.config.route.v3.RouteConfiguration;
    expect(removed).toEqual(['x-malha-scope']);
  }
});

describe('a real Envoy', () => {
  const translator = new Translator();
  let snapshot: Snapshot;
  let changed = () => {};
  let xds: XdsServer;
  let process: ChildProcess;
  let log = '';

  const set = (objects: readonly KubeObject[]) => {
    snapshot = translated(translator, objects);
    changed();
  };

  beforeAll(async () => {
    snapshot = translated(translator, routes(MANY));
    const subscribe = (onChange: () => void) => {
      changed = onChange;
      return () => {};
    };
    xds = new XdsServer({ snapshot: () => snapshot, subscribe }, { log: silent });
    const xdsPort = await xds.listen('127.0.0.1:0');
    const { path } = await findEnvoy();
    const args = ['--config-yaml', JSON.stringify(bootstrapOf('delta', xdsPort, NODE)), '--use-dynamic-base-id'];
    process = spawn(path, [...args, '-l', 'warn'], { stdio: ['ignore', 'ignore', 'pipe'] });
    process.stderr!.on('data', (text) => {
      log += text;
    });
    await eventually(
      async () => expect(await ask('route-7.example')).toBe('route-7.elsewhere'),
      () => log,
    );
  });

  afterAll(async () => {
    process.kill('SIGKILL');
    await xds.close();
  });

  function ask(host: string, headers: Record<string, string> = {}, agent?: Agent): Promise<string> {
    return new Promise((resolve) => {
      request(
        { port, host: '127.0.0.1', path: '/', agent: agent ?? false, headers: { ...headers, host } },
        (response) => {
          response.resume();
          const { location } = response.headers;
          resolve(location ? new URL(location).hostname : String(response.statusCode));
        },
      )
        .on('error', (error) => resolve(error.message))
        .end();
    });
  }

  function simulated(authority: string): string {
    const answer = simulate(snapshot, { port, authority, path: '/' });
    if (answer.kind === 'redirect') return new URL(answer.location).hostname;
    return answer.kind === 'refusal' ? String(answer.status) : answer.kind;
  }

  it('finds every host, with wildcards, ports and in upper case, whatever the client says of parts; the simulator too', async () => {
    for (let i = 0; i < MANY; i += 31) expect(await ask(`route-${i}.example`)).toBe(`route-${i}.elsewhere`);
    const hosts = ['ROUTE-8.example', `route-9.example:${port}`, 'other.example', 'deep.other.example', 'nobody.test'];
    const answers = ['route-8.elsewhere', 'route-9.elsewhere', 'wild.elsewhere', 'wild.elsewhere', '404'];
    expect(await Promise.all(hosts.map((host) => ask(host)))).toEqual(answers);
    expect(hosts.map(simulated)).toEqual(answers);
    expect(await ask('route-8.example', { 'x-malha-scope': `http.${port}/0000` })).toBe('route-8.elsewhere');
  });

  it('goes from parts to one and back without a request that is not answered', async () => {
    let asking = true;
    // Connections to a listener that ends are still answered by it.
    const agent = new Agent({ keepAlive: true });
    const answers = new Map<string, number>();
    const load = (async () => {
      while (asking) {
        const answer = await ask('route-7.example', {}, agent);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    })();
    for (const [count, to] of [
      [900, 'first'],
      [MANY, 'second'],
      [900, 'third'],
    ] as const) {
      set([...routes(count), route('last', 'last.test', to)]);
      await eventually(
        async () => expect(await ask('last.test')).toBe(`${to}.elsewhere`),
        () => log,
      );
    }
    asking = false;
    await load;
    agent.destroy();
    expect([...answers.keys()]).toEqual(['route-7.elsewhere']);
  });
});
