/** What a ProxyConfig makes of a sidecar: by the annotation, by the mesh's defaults, by the kind of that name. */
import type { Container } from '../../lib/api/kubernetes';
import { inject } from '../../lib/injector';
import { settingsOf, World } from '../../lib/world';

const CONFIG = 'proxy.istio.io/config';
const podWith = (annotations: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  metadata: { name: 'web', namespace: 'shop', annotations, labels },
  spec: { containers: [{ name: 'app' }] },
});

function sidecarOf(pod: ReturnType<typeof podWith>, options: Parameters<typeof inject>[1] = {}): Container {
  const { spec } = inject(pod, options) as { spec: { initContainers?: Container[] } };
  return spec.initContainers!.find(({ name }) => name === 'istio-proxy')!;
}

const argument = ({ args = [] }: Container, flag: string) =>
  args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined;
const bootstrapOf = (sidecar: Container) => JSON.parse(argument(sidecar, '--config-yaml')!);

describe('the annotation', () => {
  const sidecar = sidecarOf(
    podWith({
      [CONFIG]: `
concurrency: 4
drainDuration: 30s
terminationDrainDuration: 8s
runtimeValues: { envoy.reloadable_features.x: "false" }
proxyMetadata: { REGION: west }
proxyStatsMatcher: { inclusionPrefixes: [http.], inclusionRegexps: ['.*upstream_cx_.*'] }
image: { imageType: debug }`,
    }),
  );

  test('sets threads and drain times', () => {
    expect(argument(sidecar, '--concurrency')).toBe('4');
    expect(argument(sidecar, '--drain-time-s')).toBe('30');
    expect(sidecar.lifecycle).toEqual({ preStop: { sleep: { seconds: 8 } } });
  });

  test('sets the variant of the image, and variables', () => {
    expect(sidecar.image).toBe('envoyproxy/envoy:debug-v1.40.0');
    expect(sidecar.env).toContainEqual({ name: 'REGION', value: 'west' });
  });

  test('sets runtime values below those that the mesh needs, and keeps further statistics', () => {
    const { layered_runtime, stats_config } = bootstrapOf(sidecar);
    expect(layered_runtime.layers.map(({ name }: { name: string }) => name)).toEqual(['proxy-config', 'malha']);
    expect(layered_runtime.layers[0].static_layer).toEqual({ 'envoy.reloadable_features.x': 'false' });
    expect(stats_config.stats_matcher.inclusion_list.patterns).toEqual(
      expect.arrayContaining([{ prefix: 'http.' }, { safe_regex: { regex: '.*upstream_cx_.*' } }]),
    );
  });

  test('sets when log files are written', () => {
    const flushed = sidecarOf(podWith({ [CONFIG]: 'fileFlushInterval: 1.5s\nfileFlushMinSizeKb: 0' }));
    expect(argument(flushed, '--file-flush-interval-msec')).toBe('1500');
    expect(argument(flushed, '--file-flush-min-size-kb')).toBe('0');
    expect(sidecar.args!.join(' ')).not.toContain('flush');
  });

  test('sets how traffic gets into the proxy, where no annotation of that alone does', () => {
    const inits = (annotations: Record<string, string>, capture?: 'explicit') => {
      const { spec, metadata } = inject(podWith(annotations), { capture }) as ReturnType<typeof podWith> & {
        spec: { initContainers: Container[] };
      };
      const mode = metadata.annotations['sidecar.istio.io/interceptionMode'];
      return [spec.initContainers.map(({ name }) => name).join(), mode];
    };
    const none = { [CONFIG]: 'interceptionMode: NONE' };
    expect(inits(none)).toEqual(['istio-proxy', 'NONE']);
    expect(inits({ ...none, 'sidecar.istio.io/interceptionMode': 'REDIRECT' })).toEqual([
      'malha-init,istio-proxy',
      'REDIRECT',
    ]);
    expect(inits({ [CONFIG]: 'interceptionMode: REDIRECT' }, 'explicit')).toEqual([
      'malha-init,istio-proxy',
      undefined,
    ]);
  });

  test('concurrency 0 is a thread per core, which is what Envoy does by itself', () => {
    expect(sidecarOf(podWith({ [CONFIG]: 'concurrency: 0' })).args).not.toContain('--concurrency');
  });

  test.each([
    ['drainDuration: soon', "'drainDuration: soon' is not a time"],
    ['terminationDrainDuration: 20h', 'is not a time of at most 3600s'],
    ['fileFlushInterval: 0s', 'is not a time from 1ms'],
    ['fileFlushMinSizeKb: -1', 'is not a whole number from 0'],
    ['interceptionMode: MAGIC', 'is not REDIRECT or NONE'],
    ['proxyMetadata: { MALHA_PEER: x }', 'are the proxy’s own'],
    ['proxyMetadata: { "A B": x }', 'is not a name for a variable'],
    ['runtimeValues: { a: 1 }', 'is not a text: put it in quotes'],
    ['proxyStatsMatcher: { inclusionRegexps: ["("] }', 'is no regular expression'],
    ['image: { imageType: tiny }', "'image.imageType: tiny' is not default, debug or distroless"],
  ])('that cannot be followed is an error that names it: %s', (text, message) => {
    expect(() => sidecarOf(podWith({ [CONFIG]: text }))).toThrow(`annotation ${CONFIG}: `);
    expect(() => sidecarOf(podWith({ [CONFIG]: text }))).toThrow(message);
  });
});

describe('on an injecting control plane', () => {
  const config = (name: string, namespace: string, spec: object, creationTimestamp = '2026-01-02T00:00:00Z') => ({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'ProxyConfig',
    metadata: { name, namespace, creationTimestamp },
    spec,
  });
  const threads = (objects: ReturnType<typeof config>[], pod: ReturnType<typeof podWith>) => {
    const world = World.of(objects, { meshConfig: { defaultConfig: { concurrency: 1, drainDuration: '10s' } } });
    const sidecar = sidecarOf(pod, { settingsFor: (each) => settingsOf(world, each) });
    expect(argument(sidecar, '--drain-time-s')).toBe('10');
    return Number(argument(sidecar, '--concurrency'));
  };
  const root = config('all', 'istio-system', { concurrency: 2 });
  const ofNamespace = config('shop', 'shop', { concurrency: 3 });
  const selecting = config('web', 'shop', { selector: { matchLabels: { app: 'web' } }, concurrency: 5 });
  const elsewhere = config('other', 'other', { concurrency: 9 });
  const annotated = podWith({ [CONFIG]: 'concurrency: 4' }, { app: 'web' });

  test.each([
    ['the mesh’s defaults hold where nothing else does', [elsewhere], podWith(), 1],
    ['the ProxyConfig of the root namespace goes before them', [root], podWith(), 2],
    ['that of the namespace before that', [root, ofNamespace], podWith(), 3],
    ['the annotation before both', [root, ofNamespace], annotated, 4],
    ['the ProxyConfig that selects the Pod before all', [root, ofNamespace, selecting], annotated, 5],
    ['one that selects others does not hold', [selecting], podWith({}, { app: 'api' }), 1],
    [
      'of two the older holds',
      [ofNamespace, config('a', 'shop', { concurrency: 7 }, '2025-01-01T00:00:00Z')],
      podWith(),
      7,
    ],
  ])('%s', (_, objects, pod, expected) => {
    expect(threads(objects, pod)).toBe(expected);
  });

  test('variables of all levels come together', () => {
    const world = World.of(
      [
        config('all', 'istio-system', { environmentVariables: { A: 'root', B: 'root' } }),
        config('shop', 'shop', { environmentVariables: { B: 'shop' } }),
      ],
      { meshConfig: { defaultConfig: { proxyMetadata: { A: 'mesh', C: 'mesh' } } } },
    );
    const { env } = sidecarOf(podWith(), { settingsFor: (each) => settingsOf(world, each) });
    expect(env).toEqual(
      expect.arrayContaining([
        { name: 'A', value: 'root' },
        { name: 'B', value: 'shop' },
        { name: 'C', value: 'mesh' },
      ]),
    );
  });
});
