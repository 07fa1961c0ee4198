/** The rules of the kinds that extend proxies or describe workloads: what is accepted, and what is refused at which place. */
import { generateKeyPairSync } from 'node:crypto';
import { validate, validateMeshConfig } from '../../lib/galley';
import { object } from './objects';

const errors = (apiVersion: string, kind: string, spec: object) =>
  validate(object(apiVersion, kind, 'a', spec))
    .filter((finding) => finding.level === 'error')
    .map((finding) => finding.path);

describe('a WorkloadGroup', () => {
  const group = (spec: object) => errors('networking.istio.io/v1', 'WorkloadGroup', spec);

  it('needs a template, but no address in it', () => {
    expect(group({ template: { ports: { http: 8080 }, serviceAccount: 'bank' } })).toEqual([]);
    expect(group({})).toEqual(['spec.template']);
  });

  it.each<[string, object, string[]]>([
    ['over HTTP', { httpGet: { port: 80, path: '/ready', scheme: 'HTTPS' } }, []],
    ['over gRPC', { grpc: { port: 80, service: 'bank' } }, []],
    ['by a command', { exec: { command: ['true'] } }, []],
    ['in no way', { periodSeconds: 5 }, ['spec.probe']],
    ['in two ways', { exec: { command: ['true'] }, tcpSocket: { port: 80 } }, ['spec.probe.exec']],
    ['on port 0', { tcpSocket: { port: 0 } }, ['spec.probe.tcpSocket.port']],
    ['by another scheme', { httpGet: { port: 80, scheme: 'ftp' } }, ['spec.probe.httpGet.scheme']],
    ['by no command', { exec: { command: [] } }, ['spec.probe.exec.command']],
  ])('probes %s', (_what, probe, expected) => {
    expect(group({ template: {}, probe })).toEqual(expected);
  });
});

describe('a ProxyConfig', () => {
  it('may select workloads, by labels without wildcards', () => {
    const config = (spec: object) => errors('networking.istio.io/v1beta1', 'ProxyConfig', spec);
    expect(config({ selector: { matchLabels: { app: 'a' } }, concurrency: 0, image: { imageType: 'debug' } })).toEqual(
      [],
    );
    expect(config({ selector: { matchLabels: { app: 'a*' } }, concurrency: -1 })).toEqual(['spec.concurrency']);
    expect(config({ selector: { matchLabels: { app: 'a*' } } })).toEqual(['spec.selector.matchLabels.app']);
  });
});

describe('a WasmPlugin', () => {
  const plugin = (spec: object) => errors('extensions.istio.io/v1alpha1', 'WasmPlugin', spec);

  it.each(['registry.example.com:5000/filter:v1', 'oci://a/b', 'https://a.b/c.wasm', 'file:///opt/a.wasm'])(
    'is fetched from %s',
    (url) => {
      expect(plugin({ url })).toEqual([]);
    },
  );

  it.each<[string, object, string[]]>([
    ['another scheme', { url: 'ftp://a.b/c' }, ['spec.url']],
    ['no URL', { url: '#%a' }, ['spec.url']],
    ['the machine itself', { url: 'http://127.1/a.wasm' }, ['spec.url']],
    ['the metadata service', { url: 'https://169.254.169.254/a' }, ['spec.url']],
    ['an image of the machine itself', { url: 'oci://LOCALHOST:5000/a' }, ['spec.url']],
    ['an image of it without a scheme', { url: '[::ffff:127.0.0.1]:5000/a' }, ['spec.url']],
    ['a checksum of another length', { url: 'a', sha256: 'abc' }, ['spec.sha256']],
    [
      'a variable twice',
      { url: 'a', vmConfig: { env: [{ name: 'A' }, { name: 'A' }] } },
      ['spec.vmConfig.env[1].name'],
    ],
    [
      "a value beside the host's",
      { url: 'a', vmConfig: { env: [{ name: 'A', valueFrom: 'HOST', value: 'b' }] } },
      ['spec.vmConfig.env[0].value'],
    ],
    [
      'one port twice',
      { url: 'a', match: [{ ports: [{ number: 1 }, { number: 1 }] }] },
      ['spec.match[0].ports[1].number'],
    ],
    ['a target of another kind', { url: 'a', targetRef: { kind: 'Pod', name: 'a' } }, ['spec.targetRef']],
  ])('is refused with %s', (_what, spec, expected) => {
    expect(plugin(spec)).toEqual(expected);
  });
});

describe('a TrafficExtension', () => {
  const extension = (spec: object) => errors('extensions.istio.io/v1alpha1', 'TrafficExtension', spec);

  it('is either Lua or WebAssembly', () => {
    expect(extension({ lua: { inlineCode: 'function envoy_on_request(h) end' } })).toEqual([]);
    expect(extension({ wasm: { url: 'oci://a/b' } })).toEqual([]);
    expect(extension({})).toEqual(['spec']);
    expect(extension({ lua: { inlineCode: '-' }, wasm: { url: 'a' } })).toEqual(['spec.lua']);
  });

  it('says of a match which traffic it means', () => {
    expect(extension({ wasm: { url: 'a' }, match: [{}] })).toEqual(['spec.match[0]']);
  });
});

describe('an EnvoyFilter', () => {
  const filter = (patch: object) =>
    errors('networking.istio.io/v1alpha3', 'EnvoyFilter', {
      workloadSelector: { labels: { a: 'b' } },
      configPatches: [patch],
    });
  const patch = { operation: 'MERGE', value: {} };
  const at = 'spec.configPatches[0]';
  const http = 'envoy.filters.network.http_connection_manager';

  it.each<[string, object]>([
    ['a cluster', { applyTo: 'CLUSTER', match: { cluster: { service: 'a.b' } }, patch }],
    ['what a waypoint has', { applyTo: 'CLUSTER', match: { context: 'WAYPOINT', waypoint: {} }, patch }],
    ['everything of a class', { applyTo: 'HTTP_FILTER', patch: { operation: 'REMOVE' } }],
    [
      'a filter within HTTP',
      {
        applyTo: 'HTTP_FILTER',
        match: {
          listener: { filterChain: { filter: { name: http, subFilter: { name: 'envoy.filters.http.cors' } } } },
        },
        patch,
      },
    ],
  ])('may change %s', (_what, entry) => {
    expect(filter(entry)).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['what to change', { patch }, 'applyTo'],
    ['how', { applyTo: 'CLUSTER' }, 'patch'],
    ['the operation', { applyTo: 'CLUSTER', patch: { value: {} } }, 'patch.operation'],
    ['the value', { applyTo: 'CLUSTER', patch: { operation: 'ADD' } }, 'patch.value'],
    ['a match of the class', { applyTo: 'CLUSTER', match: { listener: {} }, patch }, 'match.listener'],
    ['routes by routes', { applyTo: 'HTTP_ROUTE', match: { cluster: {} }, patch }, 'match.cluster'],
    [
      'a version in RE2',
      { applyTo: 'CLUSTER', match: { proxy: { proxyVersion: 'a(' } }, patch },
      'match.proxy.proxyVersion',
    ],
    ['the context of a waypoint', { applyTo: 'CLUSTER', match: { waypoint: {} }, patch }, 'match'],
    [
      'the name of a filter',
      { applyTo: 'NETWORK_FILTER', match: { listener: { filterChain: { filter: {} } } }, patch },
      'match.listener.filterChain.filter.name',
    ],
    [
      'a filter that has filters',
      {
        applyTo: 'HTTP_FILTER',
        match: { listener: { filterChain: { filter: { name: 'envoy.tcp', subFilter: { name: 'b' } } } } },
        patch,
      },
      'match.listener.filterChain.filter.name',
    ],
    [
      "version 3 of Envoy's API",
      {
        applyTo: 'CLUSTER',
        patch: { operation: 'ADD', value: { a: [{ '@type': 'type.googleapis.com/envoy.api.v2.Cluster' }] } },
      },
      'patch.value.a[0]["@type"]',
    ],
  ])('has to say %s', (_what, entry, place) => {
    expect(filter(entry)).toEqual([`${at}.${place}`]);
  });
});

describe('imageSignatures of the mesh configuration', () => {
  const key = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const found = (...imageSignatures: object[]) =>
    validateMeshConfig({ imageSignatures }).map(({ path, level }) => `${level} ${path}`);

  it('takes keys, and what needs none', () => {
    expect(
      found({ image: 'a.example.com/b', publicKeys: [key] }, { image: 'a.example.com/dev', allowUnsigned: true }),
    ).toEqual([]);
  });

  it.each<[string, object[], string]>([
    ['neither', [{ image: 'a.example.com' }], 'imageSignatures[0]'],
    ['both', [{ image: 'a.example.com', publicKeys: [key], allowUnsigned: true }], 'imageSignatures[0].allowUnsigned'],
    ['no key', [{ image: 'a.example.com', publicKeys: ['key'] }], 'imageSignatures[0].publicKeys[0]'],
    ['a scheme', [{ image: 'oci://a.example.com', publicKeys: [key] }], 'imageSignatures[0].image'],
    ['a digest', [{ image: 'a.example.com/b@sha256:1', publicKeys: [key] }], 'imageSignatures[0].image'],
    [
      'an image twice',
      [
        { image: 'a.example.com', publicKeys: [key] },
        { image: 'a.example.com', allowUnsigned: true },
      ],
      'imageSignatures[1].image',
    ],
  ])('refuses an entry with %s', (_, entries, path) => {
    expect(found(...entries)).toEqual([`error ${path}`]);
  });
});
