/** Whatever valid objects of the traffic API come together, Envoy takes what is made of them. */
import fc from 'fast-check';
import type { KubeObject } from '../../lib/api/object';
import { Translator } from '../../lib/pilot';
import { World } from '../../lib/world';
import { TYPES } from '../../lib/xds/source';
import { BehaviourMesh } from '../envoy/behaviours/mesh';
import { captures } from '../envoy/captures';
import { seeded } from '../envoy/random-edits';
import { anyObject, countFields, kinds, servedFields } from './any-object';
import { anObject } from './random-mesh';

/** Of the claim; fewer by default, so that the slow tests stay short. */
const MESHES = 10_000;
const RUNS = Number(process.env.RANDOM_MESHES ?? 500);
const LEAST_USES = 50;
/** Counting is a claim about the generator, so it is the same one each time. */
const SEED = 2026;

/** Objects that shrink one by one. */
const objects = fc.array(fc.record({ kind: fc.constantFrom(...kinds), seed: fc.nat() }), {
  minLength: 4,
  maxLength: 12,
});

const made = (parts: readonly { kind: string; seed: number }[]) =>
  parts.flatMap(({ kind, seed }) => anyObject(kind, seeded(seed)) ?? []);

test(`in ${MESHES} random meshes every field that is served turns up at least ${LEAST_USES} times`, () => {
  const counts = new Map<string, number>();
  for (const parts of fc.sample(objects, { numRuns: MESHES, seed: SEED }))
    for (const object of made(parts)) countFields(object, counts);
  const rare = kinds
    .flatMap(servedFields)
    .map((field) => `${field}: ${counts.get(field) ?? 0}`)
    .filter((line) => Number(line.slice(line.lastIndexOf(' '))) < LEAST_USES);
  expect(rare).toEqual([]);
}, 300_000);

test.each(captures.slice(0, 1))(
  '%s: a running sidecar and a running gateway acknowledge what pilot makes of any mesh',
  async (capture) => {
    const mesh = await BehaviourMesh.start(capture, { only: ['client', 'edge'] });
    try {
      await fc.assert(
        fc.asyncProperty(objects, fc.array(anObject, { maxLength: 12 }), async (parts, more) => {
          const findings = await mesh.give([...more, ...made(parts)]);
          expect(findings.filter(({ code }) => code === 'MAL0016')).toEqual([]);
        }),
        // What has felled an Envoy cannot be made smaller with it.
        { numRuns: RUNS, endOnFailure: true },
      );
    } finally {
      await mesh.stop();
    }
  },
  RUNS * 2_000,
);

test('the order in which objects come changes no byte', () => {
  const bytes = (given: readonly KubeObject[]) => {
    const snapshot = new Translator().snapshot(World.of(given), {
      id: 'sidecar~198.18.0.200~x-0.shop~shop.svc.cluster.local',
      type: 'sidecar',
      name: 'x-0',
      namespace: 'shop',
      ip: '198.18.0.200',
      labels: { app: 'x', version: 'v1' },
      capture: 'REDIRECT',
      appAddress: '127.0.0.1',
    });
    return TYPES.map((type) => (snapshot[type] ?? []).map((resource) => `${resource.name} ${resource.version}`));
  };
  const distinct = (given: readonly KubeObject[]) => [
    ...new Map(
      given.map((object) => [`${object.kind}/${object.metadata.namespace}/${object.metadata.name}`, object]),
    ).values(),
  ];
  fc.assert(
    fc.property(objects, fc.array(anObject, { maxLength: 12 }), fc.nat(), (parts, more, seed) => {
      const given = distinct([...more, ...made(parts)]);
      const random = seeded(seed);
      const shuffled = given.map((object) => ({ object, at: random() })).sort((a, b) => a.at - b.at);
      expect(bytes(shuffled.map(({ object }) => object))).toEqual(bytes(given));
    }),
    { numRuns: 500 },
  );
}, 120_000);
