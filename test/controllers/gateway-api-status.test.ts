import { parse } from 'yaml';
import type { KubeObject } from '../../lib/api/object';
import { wantedStatuses } from '../../lib/controllers/status-controller';
import { World } from '../../lib/world';
import type { ObjectReport } from '../../lib/xds/local-reports';

const NOON = '2026-01-01T12:00:00Z';
const CONTROLLER = 'malha.dev/gateway-controller';
const GATEWAY: KubeObject = parse(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop, generation: 1 }
spec: { gatewayClassName: malha, listeners: [{ name: http, port: 80, protocol: HTTP }] }`);
const SERVICE: KubeObject = parse(`
apiVersion: v1
kind: Service
metadata: { name: edge, namespace: shop }
spec:
  selector: { gateway.networking.k8s.io/gateway-name: edge }
  clusterIP: 198.19.0.1
  ports: [{ name: http, port: 80 }]`);
const ROUTE: KubeObject = parse(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: route, namespace: shop, generation: 2 }
spec: { parentRefs: [{ name: edge }], rules: [{ backendRefs: [{ name: edge, port: 80 }] }] }`);
/** What Galley refuses, and an API server may have all the same. */
const broken = (object: KubeObject): KubeObject => ({ ...object, spec: { ...(object.spec as object), unknown: 1 } });

interface Conditioned {
  readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
}
interface Status extends Conditioned {
  readonly listeners?: readonly Conditioned[];
  readonly parents?: readonly (Conditioned & { controllerName: string })[];
}
const brief = ({ conditions = [] }: Conditioned = {}) =>
  Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));

/** The statuses that should stand, by kind, where one object is reported so and all others have landed. */
function statusesOf(
  objects: readonly KubeObject[],
  inForce = objects,
  [object, report]: [KubeObject?, ObjectReport?] = [],
  standing?: unknown,
): Record<string, Status> {
  const cluster = { objects: () => objects, standing: () => ({ status: standing }) };
  const said = (asked: KubeObject): ObjectReport => (asked === object ? report! : { state: 'landed', proxies: 1 });
  const wanted = wantedStatuses(cluster, World.of(inForce), said, NOON);
  return Object.fromEntries(wanted.map(({ object: { kind }, status }) => [kind, status as Status]));
}

test.each<[ObjectReport, string]>([
  [{ state: 'landed', proxies: 2 }, 'True Programmed'],
  [{ state: 'landed', proxies: 0 }, 'False Pending'],
  [{ state: 'pending' }, 'False Pending'],
  [{ state: 'unknown' }, 'False Pending'],
  [{ state: 'refused', error: 'port in use' }, 'False Invalid'],
])('a Gateway that is %j is Programmed: %s, and so are its listeners', (report, programmed) => {
  const { Gateway } = statusesOf([GATEWAY, SERVICE], undefined, [GATEWAY, report]);
  expect(brief(Gateway)).toMatchObject({ Accepted: 'True Accepted', Programmed: programmed });
  expect(brief(Gateway!.listeners![0])).toMatchObject({ Accepted: 'True Accepted', Programmed: programmed });
});

test('a route says what a proxy refuses of it, and is still accepted', () => {
  const objects = [GATEWAY, SERVICE, ROUTE];
  const { HTTPRoute } = statusesOf(objects, objects, [ROUTE, { state: 'refused', error: 'no such regex' }]);
  expect(brief(HTTPRoute!.parents![0])).toMatchObject({
    Accepted: 'True Accepted',
    'malha.dev/Programmed': 'False Rejected',
  });
  expect(brief(statusesOf(objects)['HTTPRoute']!.parents![0])).not.toHaveProperty('malha.dev/Programmed');
});

test('what Galley refuses says so, in the place that its kind has for it, and leaves what others wrote', () => {
  const theirs = { controllerName: 'example.com/controller', parentRef: { name: 'edge' }, conditions: [] };
  const objects = [broken(GATEWAY), broken(ROUTE)];
  const { Gateway, HTTPRoute } = statusesOf(objects, [GATEWAY], [], { parents: [theirs] });
  expect(brief(Gateway)).toEqual({ Accepted: 'False Invalid', Programmed: 'False Invalid' });
  expect(HTTPRoute!.parents).toEqual([expect.objectContaining({ controllerName: CONTROLLER }), theirs]);
  expect(brief(HTTPRoute!.parents![0])).toEqual({ Accepted: 'False UnsupportedValue' });
  expect(HTTPRoute!.parents![0]!.conditions![0]!.message).toContain('spec.unknown');
});

test('what Galley refuses of a ListenerSet, and of routes at one or at a Service, says so too', () => {
  const gateway = {
    ...GATEWAY,
    spec: { ...(GATEWAY.spec as object), allowedListeners: { namespaces: { from: 'All' } } },
  };
  const set: KubeObject = parse(`
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: { name: more, namespace: shop, generation: 3 }
spec: { parentRef: { name: edge }, listeners: [{ name: http, port: 8080, protocol: HTTP }] }`);
  const parentRefs = [
    { kind: 'ListenerSet', name: 'more' },
    { group: '', kind: 'Service', name: 'edge' },
    { group: '', kind: 'Service', name: 'absent' },
    { kind: 'ListenerSet', name: 'absent' },
  ];
  const route = broken({ ...ROUTE, spec: { ...(ROUTE.spec as object), parentRefs } });
  const { ListenerSet, HTTPRoute } = statusesOf([broken(set), route], [gateway, set, SERVICE]);
  expect(brief(ListenerSet)).toEqual({ Accepted: 'False Invalid', Programmed: 'False Invalid' });
  expect(HTTPRoute!.parents!.map((parent) => brief(parent))).toEqual([
    { Accepted: 'False UnsupportedValue' },
    { Accepted: 'False UnsupportedValue' },
  ]);
});

test('nothing is said of Gateways of other classes, nor of what Galley refuses of theirs', () => {
  const spec = { gatewayClassName: 'other', listeners: [] };
  expect(statusesOf([broken({ ...GATEWAY, spec })])).toEqual({});
  expect(statusesOf([broken(ROUTE)], [{ ...GATEWAY, spec }])).toEqual({});
});

test('what other controllers have written about a BackendTLSPolicy stays', () => {
  const policy: KubeObject = parse(`
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: policy, namespace: shop, generation: 1 }
spec:
  targetRefs: [{ group: '', kind: Service, name: edge }]
  validation: { hostname: edge.example.com, wellKnownCACertificates: System }`);
  const theirs = { controllerName: 'example.com/controller', ancestorRef: { name: 'other' }, conditions: [] };
  const objects = [GATEWAY, SERVICE, ROUTE, policy];
  const { BackendTLSPolicy } = statusesOf(objects, objects, [], { ancestors: [theirs] });
  expect((BackendTLSPolicy as { ancestors?: unknown[] }).ancestors).toEqual([
    expect.objectContaining({ controllerName: CONTROLLER }),
    theirs,
  ]);
});
