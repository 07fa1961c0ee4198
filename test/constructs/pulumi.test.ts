import * as pulumi from '@pulumi/pulumi';
import { App, Chart } from 'cdk8s';
import { bookinfo } from '../../apps/bookinfo/mesh';
import { Mesh, MeshService, Port } from '../../constructs';
import { deploy } from '../../constructs/pulumi';
import type { KubeObject } from '../../lib/api/object';
import { objectsOf } from './program';

interface Declared {
  readonly type: string;
  readonly name: string;
  readonly inputs: KubeObject;
}

const declared: Declared[] = [];

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      if (type.startsWith('kubernetes:')) declared.push({ type, name, inputs });
      return { id: name, state: inputs };
    },
    call: () => ({}),
  });
});

beforeEach(() => {
  declared.length = 0;
});

/** Every object by kind, namespace and name, with the order of fields out of the way. */
const byName = (objects: readonly KubeObject[]) =>
  new Map(objects.map((object) => [`${object.kind} ${object.metadata.namespace} ${object.metadata.name}`, object]));

async function settled(): Promise<void> {
  // Mocked resources are registered in later turns of the event loop.
  while (true) {
    const before = declared.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (before > 0 && declared.length === before) return;
  }
}

describe('Pulumi', () => {
  test('declares the very objects that cdk8s writes', async () => {
    const [app, twin] = [new App(), new App()];
    bookinfo(app);
    bookinfo(twin);
    const resources = deploy(app);
    await settled();
    expect(byName(declared.map(({ inputs }) => inputs))).toEqual(byName(objectsOf(twin)));
    expect(resources.size).toBe(declared.length);
  });

  test('knows the kinds of Kubernetes as its own, and the mesh API as custom resources', async () => {
    const app = new App();
    bookinfo(app);
    deploy(app);
    await settled();
    const types = new Map(declared.map(({ name, type }) => [name, type]));
    expect([
      types.get('bookinfo/reviews/Service'),
      types.get('bookinfo/reviews/v1'),
      types.get('bookinfo/reviews/VirtualService'),
      types.get('mesh-system/control-plane/ClusterRole'),
      types.get('mesh-system/control-plane/PodDisruptionBudget'),
      types.get('mesh-crds/virtualservices.networking.istio.io'),
    ]).toEqual([
      'kubernetes:core/v1:Service',
      'kubernetes:apps/v1:Deployment',
      'kubernetes:networking.istio.io/v1:VirtualService',
      'kubernetes:rbac.authorization.k8s.io/v1:ClusterRole',
      'kubernetes:policy/v1:PodDisruptionBudget',
      'kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition',
    ]);
  });

  test('declares CRDs and namespaces before what needs them', async () => {
    const app = new App();
    bookinfo(app);
    deploy(app);
    await settled();
    const kinds = declared.map(({ inputs }) => inputs.kind);
    const last = Math.max(kinds.lastIndexOf('CustomResourceDefinition'), kinds.lastIndexOf('Namespace'));
    const others = kinds.slice(0, last).filter((kind) => kind !== 'CustomResourceDefinition' && kind !== 'Namespace');
    expect(others).toEqual([]);
  });

  test('declares nothing of a program that is wrong', async () => {
    const app = new App();
    const mesh = new Mesh(app, 'mesh');
    const chart = new Chart(app, 'shop', { namespace: 'shop' });
    new MeshService(chart, 'web', { mesh, port: Port.http(80), image: 'web:1' }).addRoute('nowhere', {});
    expect(() => deploy(app)).toThrow('MAL0101');
    expect(declared).toEqual([]);
  });
});
