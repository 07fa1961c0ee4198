import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { type KubeObject, objectName } from '../../../lib/api/object';
import { gatewayStatuses, World } from '../../../lib/world';

const FOLDER = join(__dirname, '../../golden/gateway-api');
const NOON = '2026-01-01T12:00:00Z';
const ONE = '2026-01-01T13:00:00Z';

/** The statuses of these objects, by the names of the objects. */
function statusesAt(now: string, objects: readonly KubeObject[]): Record<string, Status> {
  const statuses = [...gatewayStatuses(World.of(objects), now)];
  return Object.fromEntries(statuses.map(([object, status]) => [objectName(object), status as Status]));
}

interface Condition {
  type: string;
  status: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}
interface Status {
  conditions?: Condition[];
  parents?: { controllerName: string; conditions: Condition[] }[];
}

const files = readdirSync(FOLDER).flatMap((file) => (file.endsWith('.in.yaml') ? file.slice(0, -8) : []));

test.each(files)('what is written on the objects of %s stands beside them', (name) => {
  const text = readFileSync(join(FOLDER, `${name}.in.yaml`), 'utf8');
  const objects = parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
  const actual = stringify(statusesAt(NOON, objects), { lineWidth: 0, aliasDuplicateObjects: false });
  const file = join(FOLDER, `${name}.out.yaml`);
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, actual);
  expect(readFileSync(file, 'utf8')).toBe(actual);
});

const GATEWAY: KubeObject = parse(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop, generation: 1 }
spec: { gatewayClassName: malha, listeners: [{ name: http, port: 80, protocol: HTTP }] }`);
const ROUTE: KubeObject = parse(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: route, namespace: shop, generation: 1 }
spec: { parentRefs: [{ name: edge }], rules: [{ backendRefs: [{ name: page, port: 80 }] }] }`);
const SERVICE: KubeObject = parse(`
apiVersion: v1
kind: Service
metadata: { name: page, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }`);

const edited = (object: KubeObject, generation: number): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, generation },
});

test('a status that still holds is the same an hour later, so nothing is written', () => {
  const objects = [GATEWAY, ROUTE, SERVICE];
  const first = statusesAt(NOON, objects);
  const written = objects.map((object) => ({ ...object, status: first[objectName(object)] }));
  expect(statusesAt(ONE, written)).toEqual(first);
});

test('the time of a condition changes with its status only, its generation with each edit', () => {
  const first = statusesAt(NOON, [GATEWAY, ROUTE]);
  const route = edited({ ...ROUTE, status: first['HTTPRoute shop/route'] }, 2);
  const [parent] = statusesAt(ONE, [GATEWAY, route, SERVICE])['HTTPRoute shop/route']!.parents!;
  expect(parent!.conditions).toMatchObject([
    { type: 'Accepted', status: 'True', lastTransitionTime: NOON, observedGeneration: 2 },
    { type: 'ResolvedRefs', status: 'True', lastTransitionTime: ONE, observedGeneration: 2 },
  ]);
});

test('the defaults that an API server writes out do not make another parent', () => {
  const parents = statusesAt(NOON, [GATEWAY, ROUTE, SERVICE])['HTTPRoute shop/route']!.parents!;
  const parentRef = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' };
  const route = { ...ROUTE, status: { parents: [{ ...parents[0], parentRef }] } };
  const again = statusesAt(ONE, [GATEWAY, route, SERVICE])['HTTPRoute shop/route']!.parents!;
  expect(again[0]!.conditions).toEqual(parents[0]!.conditions);
});

test('what other controllers have written stays; what was ours and is over goes', () => {
  const theirs = { controllerName: 'example.com/controller', parentRef: { name: 'edge' }, conditions: [] };
  const ours = { controllerName: 'malha.dev/gateway-controller', parentRef: { name: 'gone' }, conditions: [] };
  const health = {
    type: 'example.com/Healthy',
    status: 'True',
    reason: 'Asked',
    message: '',
    lastTransitionTime: NOON,
  };
  const statuses = statusesAt(ONE, [
    { ...GATEWAY, status: { conditions: [health] } },
    { ...ROUTE, status: { parents: [theirs, ours] } },
  ]);
  expect(statuses['HTTPRoute shop/route']!.parents).toEqual([
    expect.objectContaining({ controllerName: 'malha.dev/gateway-controller', parentRef: { name: 'edge' } }),
    theirs,
  ]);
  expect(statuses['Gateway shop/edge']!.conditions).toContainEqual(health);
});

test('a route that left its parents loses what was written of them, and one that never had any of ours is left alone', () => {
  const spec = { parentRefs: [{ name: 'of-others' }] };
  const ours = { controllerName: 'malha.dev/gateway-controller', parentRef: { name: 'edge' }, conditions: [] };
  const left = { ...ROUTE, spec, status: { parents: [ours] } };
  expect(statusesAt(NOON, [GATEWAY, left])['HTTPRoute shop/route']).toEqual({ parents: [] });
  expect(statusesAt(NOON, [GATEWAY, { ...ROUTE, spec }])).not.toHaveProperty('HTTPRoute shop/route');
});

test('what was said of a newer version of an object stays as it is', () => {
  const newer = {
    type: 'Accepted',
    status: 'False',
    reason: 'Newer',
    message: '',
    observedGeneration: 2,
    lastTransitionTime: NOON,
  };
  const { conditions } = statusesAt(ONE, [{ ...GATEWAY, status: { conditions: [newer] } }])['Gateway shop/edge']!;
  expect(conditions).toContainEqual(newer);
  expect(conditions).toContainEqual(expect.objectContaining({ type: 'Programmed', observedGeneration: 1 }));
});

test('a route has no more entries than the API has room for, and those of others stay', () => {
  const entry = (name: string) => ({ controllerName: 'example.com/controller', parentRef: { name }, conditions: [] });
  const others = Array.from({ length: 30 }, (_, i) => entry(`other-${i}`));
  const parentRefs = ['a', 'b', 'c'].map((sectionName) => ({ name: 'edge', sectionName }));
  const route = { ...ROUTE, spec: { parentRefs }, status: { parents: others } };
  const { parents } = statusesAt(NOON, [GATEWAY, route])['HTTPRoute shop/route']!;
  expect(parents).toHaveLength(32);
  expect(parents!.slice(2)).toEqual(others);
});
