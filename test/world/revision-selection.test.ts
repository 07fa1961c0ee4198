import type { KubeObject } from '../../lib/api/object';
import { tagObjects } from '../../lib/api/revision-tags';
import { namesOfRevision, selectRevision, World } from '../../lib/world';

const object = (apiVersion: string, kind: string, name: string, labels?: Record<string, string>, data?: object) =>
  ({ apiVersion, kind, metadata: { name, namespace: 'malha-system', labels }, ...data }) as KubeObject;
const rule = (name: string, labels?: Record<string, string>) =>
  object('networking.istio.io/v1', 'VirtualService', name, labels);
const config = (revision: string, domain: string) =>
  object(
    'v1',
    'ConfigMap',
    revision === 'default' ? 'istio' : `istio-${revision}`,
    { 'istio.io/rev': revision },
    { data: { mesh: `trustDomain: ${domain}` } },
  );
const namesOf = (objects: KubeObject[], revision?: string) =>
  selectRevision(objects, namesOfRevision(objects, { namespace: 'malha-system', revision })).map(
    ({ metadata }) => metadata.name,
  );

const tags = [
  ...tagObjects({ namespace: 'malha-system', revision: 'b', tag: 'prod' }),
  ...tagObjects({ namespace: 'elsewhere', revision: 'b', tag: 'theirs' }),
].filter(({ kind }) => kind === 'MutatingWebhookConfiguration');
const objects = [
  ...tags,
  rule('for-all'),
  rule('for-default', { 'istio.io/rev': 'default' }),
  rule('for-b', { 'istio.io/rev': 'b' }),
  rule('for-prod', { 'istio.io/rev': 'prod' }),
  rule('for-theirs', { 'istio.io/rev': 'theirs' }),
  object('v1', 'Namespace', 'shop', { 'istio.io/rev': 'b' }),
];

test('a revision goes by what names it, itself or by a tag of its mesh, and by what names none', () => {
  expect(namesOf(objects, 'b')).toEqual(['for-all', 'for-b', 'for-prod', 'shop']);
  expect(namesOf(objects)).toEqual(['for-all', 'for-default', 'shop']);
  expect(namesOf(objects, 'c')).toEqual(['for-all', 'shop']);
});

test('a revision goes by its own mesh configuration, and by the default one’s where it has none', () => {
  const configs = [config('default', 'one'), config('b', 'two')];
  const worldOf = (revision?: string) =>
    World.of(selectRevision(configs, namesOfRevision(configs, { namespace: 'malha-system', revision })), {
      rootNamespace: 'malha-system',
    });
  const told = (revision?: string) => [worldOf(revision).meshConfig().trustDomain, worldOf(revision).revision()];
  expect(told()).toEqual(['one', 'default']);
  expect(told('b')).toEqual(['two', 'b']);
  expect(told('c')).toEqual(['one', 'default']);
});

test('who reads manifests of one revision alone finds its mesh configuration', () => {
  const world = World.of([config('b', 'two')]);
  expect([world.meshConfig().trustDomain, world.rootNamespace(), world.revision()]).toEqual([
    'two',
    'malha-system',
    'b',
  ]);
  const other = object('v1', 'ConfigMap', 'istio-b', {}, { data: { mesh: 'trustDomain: x' } });
  expect(World.of([other]).meshConfig().trustDomain).toBeUndefined();
});
