/** Bookinfo's manifests and a real API server: the README's three commands. */
import { join } from 'node:path';
import type { KubeObject } from '../../lib/api/object';
import { BookinfoManifests } from '../manifests/bookinfo-manifests';
import { kubectl } from './cluster';

describe('Bookinfo’s manifests', () => {
  let manifests: BookinfoManifests;
  beforeAll(() => {
    manifests = new BookinfoManifests();
  });
  afterAll(() => {
    // The kinds stay: other tests need them.
    const others = manifests.files().filter((file) => !file.includes('crds'));
    const files = others.flatMap((file) => ['-f', join(manifests.dir, file)]);
    kubectl(['delete', '--ignore-not-found', '--timeout=60s', ...files]);
    manifests.remove();
  });

  const crds = () => join(manifests.dir, '0000-mesh-crds.k8s.yaml');
  const apply = () => kubectl(['apply', '--server-side', '-f', manifests.dir]);

  /** The version of each object that the API server has of the manifests; of Deployments, whose status controllers write, that of the spec. */
  function versions(): Record<string, string> {
    const { out } = kubectl(['get', '-f', manifests.dir, '-o', 'json']);
    const { items } = JSON.parse(out) as { items: KubeObject[] };
    return Object.fromEntries(
      items.map(({ kind, metadata: { namespace, name, generation, resourceVersion } }) => [
        `${kind} ${namespace}/${name}`,
        kind === 'Deployment' ? `generation ${generation}` : resourceVersion!,
      ]),
    );
  }

  test('go into a real API server by the README’s three commands', () => {
    const first = kubectl(['apply', '--server-side', '-f', crds()]);
    expect(first).toMatchObject({ code: 0, errors: '' });
    const second = kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', crds()]);
    expect(second).toMatchObject({ code: 0, errors: '' });
    const third = apply();
    expect(third).toMatchObject({ code: 0, errors: '' });
    expect(third.out.trim().split('\n')).toHaveLength(manifests.objects().length);
  });

  test('change nothing when they are applied again', () => {
    const before = versions();
    expect(Object.keys(before).length).toBeGreaterThan(50);

    expect(apply()).toMatchObject({ code: 0, errors: '' });

    expect(versions()).toEqual(before);
  });
});
