import type { KubeObject } from '../../lib/api/object';
import { World } from '../../lib/world';
import { service } from './sample';

const namespace = (name: string, labels: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

const objects = [
  namespace('shop', { mesh: 'on', env: 'prod' }),
  namespace('test', { mesh: 'on', env: 'test' }),
  namespace('other', {}),
  ...['shop', 'test', 'other', 'istio-system'].map((place) => service('web', place)),
];

const seen = (meshConfig: object) =>
  World.of(objects, { meshConfig })
    .visibleServices('shop')
    .map((each) => each.namespace)
    .sort();

describe('discoverySelectors', () => {
  test.each([
    [[], ['istio-system', 'other', 'shop', 'test']],
    [[{ matchLabels: { mesh: 'on' } }], ['istio-system', 'shop', 'test']],
    [[{ matchLabels: { mesh: 'on', env: 'prod' } }], ['istio-system', 'shop']],
    [
      [{ matchLabels: { env: 'prod' } }, { matchLabels: { env: 'test' } }],
      ['istio-system', 'shop', 'test'],
    ],
    [[{ matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['test'] }] }], ['istio-system', 'other', 'shop']],
    [[{ matchLabels: { 'kubernetes.io/metadata.name': 'other' } }], ['istio-system', 'other']],
  ])('%j leave the objects of %j', (discoverySelectors, expected) => {
    expect(seen({ discoverySelectors })).toEqual(expected);
  });
});
