import type { KubeObject } from '../../lib/api/object';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { gatewayContainer } from '../../lib/injector';
import { Translator } from '../../lib/pilot';
import { complete, proxyNamed, World } from '../../lib/world';

type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;

const labels = { 'gateway.networking.k8s.io/gateway-name': 'edge' };
const GATEWAY: KubeObject[] = complete([
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'edge', namespace: 'shop', labels },
    spec: { containers: [gatewayContainer({ workload: 'edge', ports: [{ name: 'http', containerPort: 80 }] })] },
  } as KubeObject,
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'edge', namespace: 'shop' },
    spec: { gatewayClassName: 'malha', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] },
  },
]);

function route(name: string, hostname: string, path: string): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'shop' },
    spec: {
      parentRefs: [{ name: 'edge' }],
      hostnames: [hostname],
      rules: [{ matches: [{ path: { value: path } }], backendRefs: [{ name: 'web', port: 80 }] }],
    },
  };
}

function configuration(translator: Translator, routes: readonly KubeObject[]): RouteConfiguration {
  const world = World.of([...GATEWAY, ...routes]);
  return translator.snapshot(world, proxyNamed(world, 'edge.shop')!).routes[0]!.message;
}

const pathsOf = ({ virtual_hosts: hosts = [] }: RouteConfiguration, domain: string) =>
  hosts
    .find(({ domains }) => domains?.includes(domain))
    ?.routes?.map(({ match }) => match?.path_separated_prefix ?? match?.prefix);

test('when one route changes, the other hosts are the very same objects, so their bytes are not made again', () => {
  const translator = new Translator();
  const routes = [route('a', 'a.example', '/one'), route('b', 'b.example', '/one')];
  const before = configuration(translator, routes);
  const after = configuration(translator, [routes[0]!, route('b', 'b.example', '/two')]);
  const same = (after.virtual_hosts ?? []).filter((host) => before.virtual_hosts?.includes(host));
  expect(same.map(({ domains }) => domains)).toEqual([['a.example']]);
  expect(pathsOf(after, 'b.example')).toEqual(['/two']);
});

test('routes of wider hosts stand behind those of a narrower one, up to the first that takes everything', () => {
  const wide = [route('all', '*', '/all'), route('wild', '*.example', '/wild'), route('narrow', 'a.example', '/a')];
  expect(pathsOf(configuration(new Translator(), wide), 'a.example')).toEqual(['/a', '/wild', '/all']);
  const stopped = [...wide, route('rest', '*.example', '/')];
  expect(pathsOf(configuration(new Translator(), stopped), 'a.example')).toEqual(['/a', '/wild', '/']);
});

test('ten thousand routes of one tenant do not make a hundred million: what wider hosts pass on is bounded', () => {
  const wide = Array.from({ length: 400 }, (_, i) => route(`wide-${i}`, '*.example', `/wide/${i}`));
  const narrow = Array.from({ length: 400 }, (_, i) => route(`narrow-${i}`, `n${i}.example`, '/own'));
  const { virtual_hosts: hosts = [] } = configuration(new Translator(), [...wide, ...narrow]);
  const total = hosts.reduce((sum, { routes = [] }) => sum + routes.length, 0);
  expect(hosts).toHaveLength(401);
  expect(total).toBeLessThanOrEqual(50_000 + wide.length + narrow.length);
  // Nobody loses what is their own.
  expect(hosts.every(({ domains, routes = [] }) => domains?.[0] === '*.example' || routes.length > 0)).toBe(true);
});
