import { type Injectable, inject } from '../../lib/injector';
import { statsInclusionOf } from '../../lib/injector/stats-matcher';

/** The patterns of the names that the injected sidecar keeps. */
function keptBy(annotations: Record<string, string>): object[] {
  const pod = inject<Injectable>({ metadata: { name: 'web', annotations }, spec: { containers: [{ name: 'app' }] } });
  const { args = [] } = pod.spec!.initContainers!.find(({ name }) => name === 'istio-proxy')!;
  const bootstrap = JSON.parse(args[args.indexOf('--config-yaml') + 1]!);
  return bootstrap.stats_config.stats_matcher.inclusion_list.patterns;
}

describe('the statistics that a sidecar keeps', () => {
  test('are the metrics of the mesh, and what annotations of its Pod add', () => {
    const usual = keptBy({});
    expect(usual).toContainEqual({ prefix: 'istio_' });
    expect(usual).not.toContainEqual({ prefix: 'cluster.' });
    const more = keptBy({
      'sidecar.istio.io/statsInclusionPrefixes': 'cluster.outbound, listener.',
      'sidecar.istio.io/statsInclusionSuffixes': 'upstream_rq_total',
      'sidecar.istio.io/statsInclusionRegexps': 'http\\..*_rq',
    });
    expect(more.filter((pattern) => !usual.some((each) => JSON.stringify(each) === JSON.stringify(pattern)))).toEqual([
      { prefix: 'cluster.outbound' },
      { prefix: 'listener.' },
      { suffix: 'upstream_rq_total' },
      { safe_regex: { regex: 'http\\..*_rq' } },
    ]);
  });

  test('are refused where an expression is none that Envoy would take', () => {
    for (const regexp of ['(', 'a(?=b)', '[']) {
      expect(() => statsInclusionOf({ 'sidecar.istio.io/statsInclusionRegexps': regexp })).toThrow(
        `annotation sidecar.istio.io/statsInclusionRegexps: '${regexp}' is no regular expression`,
      );
    }
  });
});
