import type { KubeObject } from '../../lib/api/object';
import { kubernetesDefinitions, StrictSchemas } from './strict-schemas';

/** A validator that lets everything through would prove nothing: these are things that it has to see. */
describe('strict validation', () => {
  const schemas = new StrictSchemas(kubernetesDefinitions());
  const container = { name: 'a', image: 'a', ports: [{ containerPort: 80 }] };
  const pod = (spec: object): KubeObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec });

  test('accepts what Kubernetes accepts', () => {
    const resources = { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: 1 } };
    const probe = { httpGet: { port: 'http', path: '/' } };
    const sidecar = { name: 'b', restartPolicy: 'Always', readinessProbe: { httpGet: { port: 15021 } } };
    const spec = { containers: [{ ...container, resources, readinessProbe: probe }], initContainers: [sidecar] };
    expect(schemas.problemsOf(pod(spec))).toEqual([]);
  });

  test.each([
    [
      'an unknown field',
      { containers: [{ ...container, imagePolicy: 'x' }] },
      '/spec/containers/0 has the unknown field "imagePolicy"',
    ],
    [
      'a number in place of a text',
      { containers: [{ ...container, env: [{ name: 'A', value: 1 }] }] },
      '/spec/containers/0/env/0/value must be string',
    ],
    ['a missing field', { containers: [{ image: 'a' }] }, "/spec/containers/0 must have required property 'name'"],
    [
      'a quantity that is none',
      { containers: [{ ...container, resources: { limits: { memory: '64 MB' } } }] },
      '/spec/containers/0/resources/limits/memory must match pattern',
    ],
    [
      'two containers of one name',
      { containers: [container, container] },
      '/spec/containers has two items with the same name',
    ],
    [
      'a fraction of a port',
      { containers: [{ ...container, ports: [{ containerPort: 8.5 }] }] },
      '/spec/containers/0/ports/0/containerPort must be integer',
    ],
  ])('sees %s', (_, spec, problem) => {
    expect(schemas.problemsOf(pod(spec)).join('\n')).toContain(problem);
  });

  test('knows the kinds of a CustomResourceDefinition, and their fields', () => {
    schemas.addCustomResource({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        names: { kind: 'Thing' },
        versions: [
          {
            name: 'v1',
            served: true,
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: { spec: { type: 'object', properties: { port: { 'x-kubernetes-int-or-string': true } } } },
              },
            },
          },
        ],
      },
    });
    const thing = (spec: object): KubeObject => ({
      apiVersion: 'example.com/v1',
      kind: 'Thing',
      metadata: { name: 'a' },
      spec,
    });
    expect(schemas.problemsOf(thing({ port: 1 }))).toEqual([]);
    expect(schemas.problemsOf(thing({ port: 'http' }))).toEqual([]);
    expect(schemas.problemsOf(thing({ port: true })).join()).toContain('/spec/port must be integer');
    expect(schemas.problemsOf(thing({ ports: 1 }))).toEqual(['/spec has the unknown field "ports"']);
    expect(schemas.problemsOf({ ...thing({}), kind: 'Other' })).toEqual(['no schema for Other of example.com/v1']);
  });
});
