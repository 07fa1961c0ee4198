import * as fc from 'fast-check';
import { type KubeObject, kinds } from '../../lib/api';
import type { MeshConfig } from '../../lib/api/mesh/mesh-config';
import type { MeshNetworks } from '../../lib/api/mesh/mesh-networks';
import { admit, analyze, type Finding, validate, validateMeshConfig } from '../../lib/galley';
import { destinationRule, gateway, service, serviceEntry, to, virtualService } from './objects';

/** Any JSON value, with keys that are known to hurt. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(null, true, 0, -1, 1e300, 'x', '', '*', '__proto__', 'constructor', '1s', 'a.b'),
    fc.string(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(
        fc.string(),
        fc.constantFrom('__proto__', 'constructor', 'toString', 'spec', 'http', 'route', 'hosts', 'port', 'name'),
      ),
      tie('value'),
      { maxKeys: 4 },
    ),
  ),
})).value;

const samples: KubeObject[] = [
  virtualService({
    hosts: ['a.b'],
    http: [
      { match: [{ uri: { prefix: '/' }, headers: { a: { exact: 'b' } } }], route: [{ ...to('a', 'v1'), weight: 1 }] },
    ],
  }),
  destinationRule({
    host: 'a',
    trafficPolicy: { loadBalancer: { consistentHash: { httpCookie: { name: 'x', ttl: '1s' } } } },
    subsets: [{ name: 'v1' }],
  }),
  gateway({ selector: { a: 'b' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
  serviceEntry({
    hosts: ['a.b'],
    ports: [{ number: 80, name: 'http' }],
    endpoints: [{ address: '1.1.1.1' }],
    resolution: 'STATIC',
  }),
  service('a'),
];

/** The object with `value` in place of whatever stands at one of its places. */
function withValueAt(object: unknown, place: number, value: unknown): unknown {
  let left = place;
  const walk = (node: unknown): unknown => {
    if (left-- === 0) {
      return value;
    }
    if (Array.isArray(node)) {
      return node.map(walk);
    }
    if (typeof node === 'object' && node !== null) {
      return Object.fromEntries(Object.entries(node).map(([key, field]) => [key, walk(field)]));
    }
    return node;
  };
  return walk(object);
}

/** Kinds of Kubernetes whose content analysis looks at. */
const READ = [
  ...['Service', 'Pod', 'Namespace', 'ConfigMap', 'Secret', 'Node'].map((kind) => ({ group: '', version: 'v1', kind })),
  ...['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'].map((kind) => ({ group: 'apps', version: 'v1', kind })),
  { group: 'admissionregistration.k8s.io', version: 'v1', kind: 'MutatingWebhookConfiguration' },
  { group: 'admissionregistration.k8s.io', version: 'v1', kind: 'ValidatingWebhookConfiguration' },
  { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' },
  { group: 'discovery.k8s.io', version: 'v1', kind: 'EndpointSlice' },
];
const CONTENTS = ['spec', 'status', 'data', 'stringData', 'webhooks', 'endpoints', 'ports'];

function expectReadable(finding: Finding): void {
  expect(typeof finding.message).toBe('string');
  expect(finding.resource).not.toMatch(/undefined|\[object/);
}

function judgeEverything(value: unknown): void {
  const object = value as KubeObject;
  for (const finding of [
    ...validate(object),
    ...analyze([object, ...samples]),
    ...admit(admit([], [object]).admitted, [object]).findings,
  ]) {
    expect(typeof finding.message).toBe('string');
    expect(finding.message).not.toMatch(/undefined|\[object/);
  }
}

describe('any JSON at all', () => {
  it('in place of an object is judged without a crash', () => {
    fc.assert(fc.property(json, judgeEverything), { numRuns: 500 });
  });

  it('in place of any part of an object is judged without a crash', () => {
    const mutant = fc
      .tuple(fc.constantFrom(...samples), fc.nat(25), json)
      .map(([object, place, value]) => withValueAt(object, place, value));
    fc.assert(fc.property(mutant, judgeEverything), { numRuns: 1_000 });
  });

  it('in place of the spec of any kind is a finding with its path, or nothing is wrong with it', () => {
    const object = fc.tuple(fc.constantFrom(...kinds), json).map(([kind, spec]) => ({
      apiVersion: `${kind.group}/${kind.storedVersion}`,
      kind: kind.kind,
      metadata: { name: 'x' },
      spec,
    }));
    fc.assert(
      fc.property(object, (value) => {
        for (const finding of validate(value)) {
          expect(finding.path).toMatch(/^(spec|kind)/);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('in place of the content of any object that analysis reads is judged without a crash', () => {
    const object = fc
      .tuple(
        fc.constantFrom(
          ...[...kinds].map(({ group, storedVersion, kind }) => ({ group, version: storedVersion, kind })),
          ...READ,
        ),
        json,
        json,
        json,
      )
      .map(([{ group, version, kind }, content, labels, annotations]) => {
        const metadata = { name: 'a', namespace: 'istio-system', labels, annotations };
        const rest = CONTENTS.map((field) => [field, content]);
        return { apiVersion: group ? `${group}/${version}` : version, kind, metadata, ...Object.fromEntries(rest) };
      });
    fc.assert(
      fc.property(object, (value) => {
        for (const finding of [...validate(value), ...analyze([value as unknown as KubeObject, ...samples])]) {
          expectReadable(finding);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('in place of the mesh configuration or the networks is analyzed without a crash', () => {
    fc.assert(
      fc.property(json, json, fc.string(), (config, networks, text) => {
        const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' } };
        const data = { mesh: text, meshNetworks: JSON.stringify(networks) ?? '' };
        const options = { meshConfig: config as MeshConfig, meshNetworks: networks as MeshNetworks };
        const found = [...analyze(samples, options), ...analyze([{ ...map, data } as KubeObject, ...samples])];
        for (const finding of found) expectReadable(finding);
      }),
      { numRuns: 300 },
    );
  });

  it('nested deeper than the stack is a finding', () => {
    let nested: unknown = 'x';
    for (let depth = 0; depth < 100_000; depth++) nested = depth % 2 ? { spec: nested } : [nested];
    for (const { group, storedVersion, kind } of kinds) {
      const object = { apiVersion: `${group}/${storedVersion}`, kind, metadata: { name: 'x' }, spec: nested };
      const findings = validate(object as KubeObject);
      expect([kind, findings.some(({ level }) => level === 'error')]).toEqual([kind, true]);
      expect(Array.isArray(analyze([object as KubeObject]))).toBe(true);
    }
  });

  it('in place of a mesh configuration is judged without a crash', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(Array.isArray(validateMeshConfig(value))).toBe(true);
      }),
    );
  });
});

describe('a hostile string', () => {
  it.each([
    ['a host', (text: string) => virtualService({ hosts: [text], http: [{ route: [to('a')] }] })],
    [
      'a regular expression',
      (text: string) =>
        virtualService({ hosts: ['a.b'], http: [{ match: [{ uri: { regex: text } }], route: [to('a')] }] }),
    ],
    [
      'a name of a target',
      (text: string) => ({
        ...samples[0]!,
        apiVersion: 'security.istio.io/v1',
        kind: 'PeerAuthentication',
        spec: { targetRef: { group: text, kind: text, name: text } },
      }),
    ],
    ['a timeout', (text: string) => virtualService({ hosts: ['a.b'], http: [{ timeout: text, route: [to('a')] }] })],
    [
      'a header',
      (text: string) =>
        virtualService({ hosts: ['a.b'], http: [{ headers: { request: { set: { a: text } } }, route: [to('a')] }] }),
    ],
  ])('as %s takes no time to speak of', (_what, make) => {
    const texts = [
      'a'.repeat(1_000_000),
      `${'a'.repeat(300_000)}!`,
      '%'.repeat(300_000),
      '(a*)*'.repeat(200),
      '1s'.repeat(300_000),
      `%A(${'('.repeat(200_000)}`,
    ];
    const start = process.hrtime.bigint();
    for (const text of texts) {
      expect(Array.isArray(validate(make(text)))).toBe(true);
    }
    expect(Number(process.hrtime.bigint() - start) / 1e9).toBeLessThan(10);
  });
});
