import type { KubeObject } from '../../lib/api/object';
import { istioStatus } from '../../lib/controllers/istio-status';
import { validate } from '../../lib/galley';
import type { ObjectReport } from '../../lib/xds/local-reports';

const virtualService = (spec: object, generation = 3): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'web', namespace: 'shop', generation },
  spec,
});
const GOOD = { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] };
const NOON = '2026-01-01T12:00:00Z';
const ONE = '2026-01-01T13:00:00Z';

const statusOf = (object: KubeObject, report: ObjectReport, standing?: unknown, now = NOON) =>
  istioStatus(object, { findings: validate(object), report, standing, now });

test('an object that all proxies have is accepted and programmed, in its generation', () => {
  expect(statusOf(virtualService(GOOD), { state: 'landed' })).toEqual({
    observedGeneration: 3,
    conditions: [
      {
        type: 'Accepted',
        status: 'True',
        reason: 'Accepted',
        message: 'the object is valid',
        observedGeneration: 3,
        lastTransitionTime: NOON,
      },
      {
        type: 'Programmed',
        status: 'True',
        reason: 'Programmed',
        message: 'all proxies that it concerns have it',
        observedGeneration: 3,
        lastTransitionTime: NOON,
      },
    ],
  });
});

test.each<[ObjectReport, string, string, string]>([
  [{ state: 'pending' }, 'Unknown', 'Pending', 'not all proxies'],
  [{ state: 'unknown' }, 'Unknown', 'Pending', 'not all proxies'],
  [{ state: 'refused', error: 'a proxy (web.shop) rejects cluster web: no' }, 'False', 'Rejected', 'web.shop'],
])('of an object that is %j it is said so', (report, status, reason, words) => {
  const [accepted, programmed] = statusOf(virtualService(GOOD), report).conditions;
  expect(accepted).toMatchObject({ type: 'Accepted', status: 'True' });
  expect(programmed).toMatchObject({ type: 'Programmed', status, reason, message: expect.stringContaining(words) });
});

test('an object that Galley refuses tells where it is wrong, however many places there are', () => {
  const route = Array.from({ length: 1_000 }, () => ({ destination: { host: 'web' }, weight: -1 }));
  const { conditions } = statusOf(virtualService({ hosts: ['web'], http: [{ route }] }), { state: 'unknown' });
  expect(conditions).toMatchObject([
    { type: 'Accepted', status: 'False', reason: 'Invalid' },
    { type: 'Programmed', status: 'False', reason: 'Invalid' },
  ]);
  expect(conditions[0]!.message).toContain('spec.http[0].route[0].weight');
  expect(conditions[0]!.message).toContain('(IST0106)');
  expect(conditions[0]!.message.length).toBeLessThanOrEqual(1024);
});

test('a field that is not served is named, though all proxies have the rest', () => {
  const plugin: KubeObject = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadGroup',
    metadata: { name: 'group', namespace: 'shop' },
    spec: { template: {} },
  };
  const finding = {
    code: 'MAL0001',
    level: 'warning' as const,
    analyzer: 'schema',
    resource: 'WorkloadGroup shop/group',
    path: 'spec.probe',
    message: 'the field spec.probe is accepted, but not served yet',
  };
  const observed = { findings: [finding], report: { state: 'landed' as const }, standing: undefined, now: NOON };
  expect(istioStatus(plugin, observed).conditions[1]).toMatchObject({
    status: 'False',
    reason: 'NotServed',
    message: 'the field spec.probe is accepted, but not served yet (MAL0001)',
  });
});

test('times change with statuses alone, and what others have written stays', () => {
  const theirs = { type: 'Reconciled', status: 'True', reason: '', message: '', lastTransitionTime: NOON };
  const first = statusOf(virtualService(GOOD), { state: 'landed' }, { conditions: [theirs] });
  const { conditions } = statusOf(virtualService(GOOD, 4), { state: 'pending' }, first, ONE);
  expect(conditions).toMatchObject([
    { type: 'Accepted', lastTransitionTime: NOON, observedGeneration: 4 },
    { type: 'Programmed', lastTransitionTime: ONE, observedGeneration: 4 },
    theirs,
  ]);
});
