/** Ingresses as the translator gets them, and what a World makes of any JSON that Galley lets in for one. */
import * as fc from 'fast-check';
import type { Ingress, Secret } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { namedCredentials } from '../../lib/discovery/kubernetes/credentials';
import { validate } from '../../lib/galley';
import { Translator } from '../../lib/pilot';
import { complete, GATEWAY_CREDENTIAL, proxyNamed, World } from '../../lib/world';

const edge: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'edge', namespace: 'istio-system', labels: { istio: 'ingressgateway' } },
  spec: { containers: [{ name: 'istio-proxy', args: ['proxy', 'router'] }] },
};
const web: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { ports: [{ name: 'http', port: 80 }] },
};
const secret: Secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'beside', namespace: 'shop' },
  data: {},
};
const backend = { service: { name: 'web', port: { number: 80 } } };
const ingress = (spec: Ingress['spec'], annotations: Record<string, string> = {}): Ingress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'web', namespace: 'shop', annotations: { 'kubernetes.io/ingress.class': 'istio', ...annotations } },
  spec,
});

const serversOf = (...objects: KubeObject[]) =>
  World.of(complete([edge, web, secret, ...objects]))
    .gateways('istio-system', { istio: 'ingressgateway' })
    .flatMap(({ spec }) => spec.servers ?? []);

describe('the certificate of an Ingress', () => {
  const tls = ingress({ tls: [{ hosts: ['a.b'], secretName: 'beside' }, { secretName: 'elsewhere' }] });

  test('is taken from beside it; one that is not there, from beside the gateway', () => {
    expect(serversOf(tls).map(({ hosts, tls: settings }) => [hosts, settings?.credentialName])).toEqual([
      [['*'], undefined],
      [['*/a.b'], `${GATEWAY_CREDENTIAL}shop/beside`],
      [['*'], 'elsewhere'],
    ]);
  });

  test('is read in both places, and only for an Ingress that is served', () => {
    const namesOf = (...objects: KubeObject[]) =>
      namedCredentials([edge, ...objects]).map(({ namespace, name }) => `${namespace}/${name}`);
    expect(namesOf(tls)).toEqual(['istio-system/beside', 'istio-system/elsewhere', 'shop/beside', 'shop/elsewhere']);
    expect(namesOf(ingress(tls.spec, { 'kubernetes.io/ingress.class': 'nginx' }))).toEqual([]);
  });
});

test('a mesh with ingressControllerMode OFF serves none', () => {
  const off: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    ...{ data: { mesh: 'ingressControllerMode: OFF' } },
  };
  const all = ingress({ defaultBackend: backend });
  expect(serversOf(all)).toHaveLength(1);
  expect(serversOf(all, off)).toEqual([]);
});

test('any JSON in an Ingress: what Galley lets in is translated, and a good Ingress is served on', () => {
  const good = ingress({
    rules: [{ host: 'good.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
  });
  const json = fc.jsonValue({ maxDepth: 3 });
  const part = fc.oneof(json, fc.constantFrom('*', '*.', '*.b', '/.*', 'a..b', '/a(', backend));
  const spec = fc.oneof(
    json,
    fc.record(
      {
        ingressClassName: part,
        defaultBackend: part,
        tls: fc.oneof(part, fc.array(fc.record({ hosts: fc.array(part), secretName: part }, { requiredKeys: [] }))),
        rules: fc.oneof(
          part,
          fc.array(
            fc.record(
              {
                host: part,
                http: fc.oneof(
                  part,
                  fc.record({
                    paths: fc.array(fc.record({ path: part, pathType: part, backend: part }, { requiredKeys: [] })),
                  }),
                ),
              },
              { requiredKeys: [] },
            ),
          ),
        ),
      },
      { requiredKeys: [] },
    ),
  );
  let admitted = 0;
  fc.assert(
    fc.property(spec, (any) => {
      const bad = { ...ingress(any as Ingress['spec']), metadata: { ...good.metadata, name: 'bad' } };
      const errors = validate(bad).filter(({ level }) => level === 'error');
      if (errors.length > 0) return;
      admitted++;
      const translator = new Translator();
      const world = World.of(complete([edge, web, good, bad]));
      const { routes } = translator.snapshot(world, proxyNamed(world, 'edge.istio-system')!);
      expect(translator.failures).toEqual([]);
      expect(JSON.stringify(routes.map(({ message }) => message))).toContain('good.example');
    }),
    { numRuns: 400 },
  );
  expect(admitted).toBeGreaterThan(20);
});
