import type { KubeObject } from '../../lib/api';
import { withOrigin } from '../../lib/api/origin';
import { catalogue, validate, validateMeshConfig } from '../../lib/galley';
import { object, to, virtualService } from './objects';

const route = (fields: object) => virtualService({ hosts: ['reviews'], http: [{ route: [to('reviews')], ...fields }] });
const errors = (value: KubeObject) => validate(value).filter((finding) => finding.level === 'error');

describe('an unknown field', () => {
  it('is an error that names its place, the nearest field and all that are allowed', () => {
    const [finding, ...rest] = validate(route({ retrys: { attempts: 2 } }));
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      code: 'IST0106',
      level: 'error',
      analyzer: 'schema.ValidationAnalyzer.VirtualService',
      resource: 'VirtualService shop/reviews',
      path: 'spec.http[0].retrys',
      fix: 'write retries',
    });
    expect(finding?.message).toMatch(
      /^unknown field "retrys", did you mean retries\? allowed here: corsPolicy, delegate, /,
    );
  });

  it('in snake case is answered with its camel case', () => {
    expect(errors(route({ retries: { attempts: 1, per_try_timeout: '2s' } }))[0]).toMatchObject({
      fix: 'write perTryTimeout',
    });
  });

  it('beside spec is one too', () => {
    expect(errors({ ...route({}), speck: {} } as KubeObject)[0]).toMatchObject({ path: 'speck', fix: 'write spec' });
  });

  it('whose name is far from all others gets no guess', () => {
    expect(errors(route({ circuitBreakerThreshold: 1 }))[0]?.fix).toBe('remove the field');
  });
});

describe('a value of the wrong form', () => {
  it.each([
    [
      { timeout: 5 },
      'spec.http[0].timeout',
      'expected a duration with its unit, such as 250ms, 2s or 1m30s, got 5',
      'write 5s',
    ],
    [
      { timeout: '5' },
      'spec.http[0].timeout',
      'expected a duration of at least 1ms, such as 250ms, 2s or 1m30s, got "5"',
      'write 5s',
    ],
    [
      { timeout: '1.5us' },
      'spec.http[0].timeout',
      'expected a duration of at least 1ms, such as 250ms, 2s or 1m30s, got "1.5us"',
    ],
    [{ timeout: '2.0000001s' }, 'spec.http[0].timeout', 'durations are kept in whole milliseconds, got "2.0000001s"'],
    [{ match: {} }, 'spec.http[0].match', 'expected a list, got an empty mapping'],
    [{ route: [{}] }, 'spec.http[0].route[0].destination', 'destination is missing'],
    [
      { match: [{ uri: { exact: '/a', prefix: '/b' } }] },
      'spec.http[0].match[0].uri.prefix',
      'only one of exact, prefix, regex may be set, got exact and prefix',
    ],
    [
      { corsPolicy: { unmatchedPreflights: 'IGNOR' } },
      'spec.http[0].corsPolicy.unmatchedPreflights',
      'expected one of UNSPECIFIED, FORWARD, IGNORE, got "IGNOR"',
    ],
    [
      { headers: { request: { set: { 'x.y': 1 } } } },
      'spec.http[0].headers.request.set["x.y"]',
      'expected a string, got 1',
    ],
  ])('%j is told at %s', (fields, path, message, ...[fix]: string[]) => {
    const [only] = errors(route(fields));
    expect(errors(route(fields))).toEqual([expect.objectContaining({ code: 'IST0106', path, message })]);
    if (fix) expect(only?.fix).toBe(fix);
  });

  it('does not flood: twenty remarks and a count of the others', () => {
    const spec = { hosts: Array.from({ length: 500 }, () => 1), http: [{ route: [to('reviews')] }] };
    const findings = validate(virtualService(spec));
    expect(findings).toHaveLength(21);
    expect(findings.at(-1)?.message).toBe('there are 480 more errors in this object');
  });
});

describe('what is not served yet', () => {
  it('is a warning with its path, for a field', () => {
    expect(
      validate(
        virtualService({
          hosts: ['reviews'],
          tcp: [{ match: [{ sourceSubnet: '10.0.0.0/8' }], route: [to('reviews')] }],
        }),
      ),
    ).toEqual([
      expect.objectContaining({ code: 'MAL0001', level: 'warning', path: 'spec.tcp[0].match[0].sourceSubnet' }),
    ]);
  });

  it('is a warning for a value of a field that is served', () => {
    const filter = object('networking.istio.io/v1alpha3', 'EnvoyFilter', 'f', {
      configPatches: [
        {
          applyTo: 'CLUSTER',
          match: { context: 'WAYPOINT', waypoint: {} },
          patch: { operation: 'MERGE', value: { connect_timeout: '1s' } },
        },
      ],
    });
    expect(validate(filter)).toContainEqual(
      expect.objectContaining({
        code: 'MAL0001',
        path: 'spec.configPatches[0].match.context',
        message: 'the value WAYPOINT of spec.configPatches[0].match.context is accepted, but not served yet',
      }),
    );
  });

  it('is a warning for a patch of a bootstrap that is not merged, or that asks what a proxy says of itself', () => {
    const patched = (operation: string, match = {}) =>
      object('networking.istio.io/v1alpha3', 'EnvoyFilter', 'f', {
        workloadSelector: { labels: { app: 'web' } },
        configPatches: [{ applyTo: 'BOOTSTRAP', match, patch: { operation, value: { flags_path: '/tmp' } } }],
      });
    expect(validate(patched('MERGE'))).toEqual([]);
    expect(validate(patched('ADD'))).toEqual([
      expect.objectContaining({ code: 'MAL0001', path: 'spec.configPatches[0].patch.operation' }),
    ]);
    expect(validate(patched('MERGE', { proxy: { proxyVersion: '^1' } }))).toEqual([
      expect.objectContaining({ code: 'MAL0001', path: 'spec.configPatches[0].match.proxy' }),
    ]);
    const wrong = structuredClone(patched('MERGE'));
    (wrong.spec as { configPatches: { patch: object }[] }).configPatches[0]!.patch = {
      operation: 'MERGE',
      value: { flagsPath: 7 },
    };
    expect(validate(wrong)).toEqual([
      expect.objectContaining({ code: 'IST0106', path: 'spec.configPatches[0].patch.value.flags_path' }),
    ]);
  });

  it('is a warning for a kind as a whole', () => {
    const group = object('networking.istio.io/v1', 'WorkloadGroup', 'default', { template: {} });
    expect(validate(group)).toEqual([expect.objectContaining({ code: 'MAL0001', path: 'kind' })]);
  });
});

describe('a kind', () => {
  it('that the group does not have is an error with the nearest one', () => {
    const [finding] = validate(object('networking.istio.io/v1', 'VirtualServices', 'x', {}));
    expect(finding).toMatchObject({ code: 'IST0106', path: 'kind', fix: 'write VirtualService' });
  });

  it('in a version that it does not have is an error', () => {
    const [finding] = validate(object('networking.istio.io/v7', 'Gateway', 'x', { servers: [] }));
    expect(finding).toMatchObject({
      path: 'apiVersion',
      message: 'Gateway has the versions v1, v1beta1, v1alpha3, got "v7"',
    });
  });

  it('of Kubernetes is checked as far as the mesh reads it, and no further', () => {
    const good = { ...object('v1', 'Service', 's', { ports: [{ port: 80 }], sessionAffinity: 'None' }), data: 1 };
    expect(validate(good)).toEqual([]);
    expect(validate(object('v1', 'Service', 's', { ports: [{ port: '80' }] }))).toEqual([
      expect.objectContaining({
        code: 'IST0106',
        path: 'spec.ports[0].port',
        message: 'expected a whole number, got "80"',
      }),
    ]);
    expect(
      errors({ ...object('v1', 'Pod', 'p'), metadata: { name: 'p', labels: ['a'] } } as unknown as KubeObject),
    ).toHaveLength(1);
  });
});

describe('a finding', () => {
  it('names the file and the line of the field, and the construct', () => {
    const value = withOrigin(route({ timeout: 5 }), {
      file: 'shop.yaml',
      line: 3,
      lineOf: (path) => (path === 'spec.http[0].timeout' ? 12 : undefined),
      construct: 'shop/reviews',
    });
    expect(validate(value)[0]).toMatchObject({ file: 'shop.yaml', line: 12, construct: 'shop/reviews' });
  });

  it('has a text in the catalogue that says what it means and what to do', () => {
    for (const [code, entry] of Object.entries(catalogue)) {
      expect(code).toMatch(/^(IST|MAL)\d{4}$/);
      expect(entry.text).toMatch(/\.$/);
      expect(entry.fix).toMatch(/^[a-z].*[^.]$/);
    }
  });
});

describe('a mesh configuration', () => {
  it('may be empty', () => {
    expect(validateMeshConfig({})).toEqual([]);
  });

  it('with what is served has nothing said about it', () => {
    const config = {
      accessLogFile: '/dev/stdout',
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      rootNamespace: 'malha-system',
      defaultConfig: { tracing: { sampling: 100 } },
      extensionProviders: [
        { name: 'als', envoyHttpAls: { service: 'malha-control-plane.malha-system.svc.cluster.local', port: 15010 } },
        { name: 'jaeger', opentelemetry: { service: 'jaeger.malha-system.svc.cluster.local', port: 4317 } },
      ],
      defaultProviders: { accessLogging: ['als'], tracing: ['jaeger'] },
    };
    expect(validateMeshConfig(config)).toEqual([]);
  });

  it('is told of unknown fields, of unknown providers and of what is not served', () => {
    expect(validateMeshConfig({ acessLogFile: 'x' })[0]).toMatchObject({
      path: 'acessLogFile',
      fix: 'write accessLogFile',
    });
    expect(validateMeshConfig({ defaultProviders: { tracing: ['jaeger'] } })[0]).toMatchObject({
      path: 'defaultProviders.tracing[0]',
      message: 'there is no provider "jaeger", known are none',
    });
    expect(validateMeshConfig({ proxyListenPort: 1 })[0]).toMatchObject({ code: 'MAL0001', path: 'proxyListenPort' });
  });

  it('that is no mapping at all is an error', () => {
    expect(validateMeshConfig([1])[0]).toMatchObject({
      level: 'error',
      message: 'expected a mapping, got a list of 1',
    });
  });
});
