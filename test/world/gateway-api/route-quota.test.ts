/** Bad input: more routes of one tenant than a Gateway should have to hold. */
import type { KubeObject } from '../../../lib/api/object';
import { complete, gatewayStatuses, World } from '../../../lib/world';
import { MOST_PAIRS } from '../../../lib/world/gateway-api/route-quota';

const NOON = '2026-01-01T12:00:00Z';
const GATEWAY: KubeObject = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'edge', namespace: 'infra' },
  spec: {
    gatewayClassName: 'malha',
    listeners: [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
  },
};

/** @param second of its creation. */
const route = (namespace: string, i: number, spec: object = {}): KubeObject => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: {
    name: `route-${i}`,
    namespace,
    creationTimestamp: new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString(),
  },
  spec: {
    parentRefs: [{ name: 'edge', namespace: 'infra' }],
    hostnames: [`${namespace}-${i}.example`],
    rules: [{ backendRefs: [{ name: 'page', port: 80 }] }],
    ...spec,
  },
});

const SERVICES: KubeObject[] = ['tenant', 'neighbour', 'infra'].map((namespace) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'page', namespace },
  spec: { ports: [{ name: 'http', port: 80 }] },
}));

/** What stands on each route, and how many the listener has. */
function statusOf(routes: readonly KubeObject[]) {
  const statuses = gatewayStatuses(World.of(complete([GATEWAY, ...SERVICES, ...routes])), NOON);
  const accepted = new Map<string, string>();
  let attached: number | undefined;
  for (const [{ kind, metadata }, status] of statuses) {
    const { parents = [], listeners = [] } = status as {
      parents?: { conditions: { type: string; status: string; reason: string }[] }[];
      listeners?: { attachedRoutes: number }[];
    };
    if (kind === 'Gateway') attached = listeners[0]!.attachedRoutes;
    for (const { conditions } of parents) {
      const { status: isTrue, reason } = conditions.find(({ type }) => type === 'Accepted')!;
      accepted.set(`${metadata.namespace}/${metadata.name}`, `${isTrue} ${reason}`);
    }
  }
  return { accepted, attached };
}

test('ten thousand routes of one tenant are served, the next ones say why they are not, and its neighbour does not notice', () => {
  const tenant = Array.from({ length: MOST_PAIRS + 2 }, (_, i) => route('tenant', i));
  const { accepted, attached } = statusOf([...tenant, route('neighbour', 90_000)]);
  expect(accepted.get('tenant/route-0')).toBe('True Accepted');
  expect(accepted.get(`tenant/route-${MOST_PAIRS - 1}`)).toBe('True Accepted');
  expect(accepted.get(`tenant/route-${MOST_PAIRS}`)).toBe('False TooManyRoutes');
  expect(accepted.get(`tenant/route-${MOST_PAIRS + 1}`)).toBe('False TooManyRoutes');
  expect(accepted.get('neighbour/route-90000')).toBe('True Accepted');
  expect(attached).toBe(MOST_PAIRS + 1);
});

test('what counts is what proxies are told: each hostname with each match; the Gateway’s own namespace has no bound', () => {
  const hostnames = Array.from({ length: 100 }, (_, i) => `h${i}.example`);
  const matches = Array.from({ length: 64 }, (_, i) => ({ path: { type: 'Exact', value: `/${i}` } }));
  const wide = { hostnames, rules: [{ matches, backendRefs: [{ name: 'page', port: 80 }] }] };
  const { accepted } = statusOf([
    route('tenant', 1, wide),
    route('tenant', 2, wide),
    route('tenant', 3),
    route('infra', 1, wide),
    route('infra', 2, wide),
  ]);
  expect(Object.fromEntries(accepted)).toEqual({
    'tenant/route-1': 'True Accepted',
    'tenant/route-2': 'False TooManyRoutes',
    'tenant/route-3': 'True Accepted',
    'infra/route-1': 'True Accepted',
    'infra/route-2': 'True Accepted',
  });
});

test('what is beyond the bound at a Gateway still holds for its other parents', () => {
  const tenant = Array.from({ length: MOST_PAIRS }, (_, i) => route('tenant', i));
  const parentRefs = [
    { name: 'edge', namespace: 'infra' },
    { group: '', kind: 'Service', name: 'page' },
  ];
  const world = World.of(complete([GATEWAY, ...SERVICES, ...tenant, route('tenant', 99_999, { parentRefs })]));
  const names = world.virtualServices('tenant', 'mesh').map(({ metadata }) => metadata.name);
  expect(names).toEqual([expect.stringContaining('route-99999')]);
  expect(world.virtualServices('tenant', 'infra/edge~gateway~http')).toHaveLength(MOST_PAIRS);
});
