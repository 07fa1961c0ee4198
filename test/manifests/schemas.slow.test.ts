import { BookinfoManifests } from './bookinfo-manifests';
import { kubernetesDefinitions, StrictSchemas } from './strict-schemas';

describe('Bookinfo’s manifests', () => {
  const schemas = new StrictSchemas(kubernetesDefinitions());
  const manifests = new BookinfoManifests();
  const objects = manifests.objects();
  const crds = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
  for (const crd of crds) schemas.addCustomResource(crd);
  afterAll(() => manifests.remove());

  test('are many objects, with the CRDs of the kinds that they use', () => {
    expect(objects.length).toBeGreaterThan(50);
    expect(crds.length).toBeGreaterThanOrEqual(5);
  });

  test.each(
    objects.map((object) => [object.kind, object.metadata.namespace ?? '', object.metadata.name, object] as const),
  )('hold a %s %s/%s that Kubernetes accepts to the last field', (_kind, _namespace, _name, object) => {
    expect(schemas.problemsOf(object)).toEqual([]);
  });

  test('name no namespace that they do not make', () => {
    const made = new Set(objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name));
    const used = objects.flatMap(({ metadata }) => metadata.namespace ?? []);
    expect([...new Set(used)].filter((namespace) => !made.has(namespace))).toEqual([]);
  });

  test('hold each object once', () => {
    const names = objects.map(
      ({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.namespace}/${metadata.name}`,
    );
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  test('start with the CRDs, alone in their file', () => {
    const [first] = manifests.files();
    expect(first).toContain('crds');
    expect(objects.slice(0, crds.length).every(({ kind }) => kind === 'CustomResourceDefinition')).toBe(true);
  });
});
