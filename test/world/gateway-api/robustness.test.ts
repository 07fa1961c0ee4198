/** Bad input: whatever stands in objects of the Gateway API, the World answers, and what is good beside it is served on. */
import * as fc from 'fast-check';
import { apiVersionOf } from '../../../lib/api';
import { gatewayApiKinds } from '../../../lib/api/gateway-api';
import type { KubeObject } from '../../../lib/api/object';
import type { Keywords, TSchema } from '../../../lib/api/schema';
import { admit } from '../../../lib/galley';
import { gatewayContainer } from '../../../lib/injector';
import { Translator } from '../../../lib/pilot';
import { complete, gatewayStatuses, proxyNamed, World } from '../../../lib/world';

const NOON = '2026-01-01T12:00:00Z';
type Schema = TSchema &
  Keywords & { enum?: string[]; properties?: Record<string, Schema>; required?: string[]; items?: Schema };

/** Few names, so that objects meet; some that are nobody's, and some that hurt. */
const TEXTS = [
  'edge',
  'web',
  'shop',
  'http',
  'Service',
  'Gateway',
  'Secret',
  'ConfigMap',
  'ListenerSet',
  'HTTP',
  'HTTPS',
  'TLS',
  'TCP',
  'UDP',
  'gateway.networking.k8s.io',
  '',
  'malha',
  'a.example',
  '*.example',
  '/',
  '/x',
  '/x/',
  '__proto__',
  'constructor',
  '1s',
  'System',
  'nobody',
];
const NUMBERS = [80, 443, 0, 1, 100, 65_535, -1, 301];
const texts = fc.constantFrom(...TEXTS);
const anything = fc.oneof(texts, fc.jsonValue({ maxDepth: 2 }));

interface Limits {
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Those that the schema lets in; all where it lets in none. */
function allowed<V extends string | number>(values: readonly V[], schema: Schema): readonly V[] {
  const { pattern, minLength = 0, minimum = -Infinity, maximum = Infinity } = schema as Limits;
  const good = values.filter((value) =>
    typeof value === 'number'
      ? value >= minimum && value <= maximum
      : value.length >= minLength && (!pattern || new RegExp(pattern).test(value)),
  );
  return good.length > 0 ? good : values;
}

/** Values that look like those of a schema: mostly of the right shape, with anything at any place. */
function like(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  const right = ((): fc.Arbitrary<unknown> => {
    if (schema.enum) return fc.constantFrom(...schema.enum);
    if (schema.type === 'array') return fc.array(like(schema.items!, depth + 1), { maxLength: 2 });
    if (schema.type === 'integer' || schema.type === 'number') return fc.constantFrom(...allowed(NUMBERS, schema));
    if (schema.type === 'boolean') return fc.boolean();
    if (schema.type === 'string') return fc.constantFrom(...allowed(TEXTS, schema));
    if (!schema.properties) return fc.dictionary(texts, texts, { maxKeys: 2 });
    const fields = Object.fromEntries(
      Object.entries(schema.properties).map(([name, field]) => [name, like(field, depth + 1)]),
    );
    return fc.record(fields, { requiredKeys: schema.required ?? [] });
  })();
  return fc.oneof({ weight: 150, arbitrary: right }, { weight: 1, arbitrary: anything });
}

const object = fc.oneof(
  ...gatewayApiKinds.map((kind) =>
    fc.record({
      apiVersion: fc.constant(apiVersionOf(kind)),
      kind: fc.constant(kind.kind),
      metadata: fc.record({
        name: fc.constantFrom('edge', 'web', 'other'),
        namespace: fc.constantFrom('shop', 'vault'),
      }),
      spec: like(kind.schema as Schema),
    }),
  ),
) as fc.Arbitrary<KubeObject>;

const labels = { 'gateway.networking.k8s.io/gateway-name': 'good' };
const GOOD: KubeObject[] = complete([
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'good', namespace: 'good', labels },
    spec: { containers: [gatewayContainer({ workload: 'good', ports: [{ name: 'http', containerPort: 80 }] })] },
  } as KubeObject,
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'good', namespace: 'good' },
    spec: { gatewayClassName: 'malha', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'good', namespace: 'good' },
    spec: {
      parentRefs: [{ name: 'good' }],
      hostnames: ['good.test'],
      rules: [{ backendRefs: [{ name: 'good', port: 80 }] }],
    },
  },
  ...['good', 'shop'].map((namespace) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: namespace === 'good' ? 'good' : 'web', namespace },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] },
  })),
]);

/** All that the control plane asks of a World. */
function answersOf(objects: readonly KubeObject[]) {
  const world = World.of(objects);
  gatewayStatuses(world, NOON);
  const translator = new Translator();
  const { routes } = translator.snapshot(world, proxyNamed(world, 'good.good')!);
  return { routes: routes.map(({ message }) => message), failures: translator.failures };
}

const untouched = answersOf(GOOD);

test('any JSON in objects of the Gateway API: what Galley lets in never makes the World throw, and a good Gateway is served on', () => {
  fc.assert(
    fc.property(fc.array(object, { minLength: 1, maxLength: 6 }), (objects) => {
      const { admitted } = admit([], [...GOOD, ...objects]);
      // A GatewayClass of this name may say that the class is somebody else's.
      const ours = admitted.filter(({ kind, metadata }) => kind !== 'GatewayClass' || metadata.name !== 'malha');
      expect(answersOf(ours)).toEqual(untouched);
    }),
    { numRuns: 300 },
  );
});

test('enough of these objects are let in for the property to say something', () => {
  const sampled = fc.sample(object, { numRuns: 400, seed: 7 });
  expect(admit([], sampled).admitted.length).toBeGreaterThan(60);
});
