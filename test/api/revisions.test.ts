/** Which revision is meant by labels: what we say, and what an API server reads out of the webhook configurations. */
import type { KubeObject } from '../../lib/api/object';
import { tagObjects } from '../../lib/api/revision-tags';
import { controlPlaneHost, injectingRevision, isRevisionName, owningRevision } from '../../lib/api/revisions';
import { webhookConfigurations } from '../../lib/api/webhooks';

type Labels = Record<string, string>;
interface Requirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: string[];
}
interface Selector {
  matchExpressions?: Requirement[];
}
interface Configuration extends KubeObject {
  webhooks: {
    name: string;
    namespaceSelector: Selector;
    objectSelector: Selector;
    clientConfig: { service: { name: string } };
  }[];
}

/** As Kubernetes defines it: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
function matches({ matchExpressions = [] }: Selector, labels: Labels): boolean {
  return matchExpressions.every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    const isIn = value !== undefined && values.includes(value);
    return operator === 'In' ? isIn : !isIn;
  });
}

const namespace = 'malha-system';
const revisions = [{ revision: 'default' }, { revision: 'v2' }];
const tags = [{ revision: 'v2', tag: 'prod' }];
const installed = [
  ...revisions.flatMap((each) => webhookConfigurations({ namespace, ...each })),
  ...tags.flatMap((each) => tagObjects({ namespace, ...each })),
] as Configuration[];
const of = (kind: string) => installed.filter((object) => object.kind === kind).flatMap(({ webhooks }) => webhooks);

const some = (key: string, values: string[]): Labels[] => [{}, ...values.map((value) => ({ [key]: value }))];
const combined = (...all: Labels[][]): Labels[] =>
  all.reduce((before, more) => before.flatMap((labels) => more.map((label) => ({ ...labels, ...label }))), [{}]);

const namespaces = combined(
  some('istio-injection', ['enabled', 'disabled']),
  some('istio.io/rev', ['default', 'v2', 'prod', 'nobody']),
);
const pods = combined(
  some('sidecar.istio.io/inject', ['true', 'false']),
  some('istio.io/rev', ['default', 'v2', 'prod', 'nobody']),
);

test('whoever injects a Pod by its labels and its namespace’s is whom the webhook configurations lead to, and nobody twice', () => {
  const control: Record<string, string> = {
    default: 'malha-control-plane',
    v2: 'malha-control-plane-v2',
    prod: 'malha-control-plane-v2',
  };
  const webhooks = of('MutatingWebhookConfiguration');
  let asked = 0;
  for (const place of namespaces) {
    for (const pod of pods) {
      const found = webhooks
        .filter((each) => matches(each.namespaceSelector, place) && matches(each.objectSelector, pod))
        .map(({ clientConfig }) => clientConfig.service.name);
      const said = injectingRevision(place, pod);
      expect({ place, pod, found }).toEqual({
        place,
        pod,
        found: said !== undefined && control[said] ? [control[said]] : [],
      });
      asked += found.length;
    }
  }
  expect(asked).toBeGreaterThan(20);
});

test.each([
  [{}, ['malha-control-plane']],
  [{ 'istio.io/rev': 'default' }, ['malha-control-plane']],
  [{ 'istio.io/rev': 'v2' }, ['malha-control-plane-v2']],
  [{ 'istio.io/rev': 'prod' }, ['malha-control-plane-v2']],
  [{ 'istio.io/rev': 'nobody' }, []],
])('an object labelled %j is judged by %j', (labels, judges) => {
  const found = of('ValidatingWebhookConfiguration').filter(({ objectSelector }) => matches(objectSelector, labels));
  expect(found.map(({ clientConfig }) => clientConfig.service.name)).toEqual(judges);
});

test('the tag default answers for those who name no revision', () => {
  const [mutating, validating] = tagObjects({ namespace, revision: 'v2', tag: 'default' }) as Configuration[];
  const injects = (place: Labels, pod: Labels) =>
    mutating!.webhooks.some((each) => matches(each.namespaceSelector, place) && matches(each.objectSelector, pod));
  expect(injects({ 'istio-injection': 'enabled' }, {})).toBe(true);
  expect(injects({}, { 'sidecar.istio.io/inject': 'true' })).toBe(true);
  expect(validating!.webhooks.some(({ objectSelector }) => matches(objectSelector, {}))).toBe(true);
});

test('a tag lets its revision write its two configurations, and no other object', () => {
  const objects = tagObjects({ namespace, revision: 'v2', tag: 'prod' });
  const role = objects.find(({ kind }) => kind === 'ClusterRole') as KubeObject & {
    rules: { resourceNames: string[]; verbs: string[] }[];
  };
  const configurations = objects.filter(({ kind }) => kind.endsWith('WebhookConfiguration'));
  expect(role.rules.flatMap(({ resourceNames }) => resourceNames)).toEqual(
    configurations.map(({ metadata }) => metadata.name),
  );
  expect(role.rules.flatMap(({ verbs }) => verbs)).toEqual(['patch', 'patch']);
  const binding = objects.find(({ kind }) => kind === 'ClusterRoleBinding') as KubeObject & { subjects: object[] };
  expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name: 'malha-control-plane-v2', namespace }]);
});

test('a Gateway is its own revision’s, else its namespace’s, else the default one’s', () => {
  expect(owningRevision({ 'istio.io/rev': 'a' }, { 'istio.io/rev': 'b' })).toBe('a');
  expect(owningRevision({}, { 'istio.io/rev': 'b' })).toBe('b');
  expect(owningRevision()).toBe('default');
});

test('names of revisions fit into names of Services', () => {
  const longest = 'x'.repeat(43);
  expect(controlPlaneHost(namespace, longest).split('.')[0]).toHaveLength(63);
  expect([longest, 'v1-2', '1'].map(isRevisionName)).toEqual([true, true, true]);
  expect([`${longest}x`, '', '-a', 'a-', 'A', 'a.b', 'a_b'].filter(isRevisionName)).toEqual([]);
});
