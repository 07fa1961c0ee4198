import { statsConfig } from '../../lib/injector/stats-tags';

/** As Envoy reads a rule: the first group leaves the name, the second is the label. */
function split(statistic: string): [label: string | undefined, rest: string] {
  const match = new RegExp(statsConfig().stats_tags![0]!.regex!).exec(statistic);
  return match ? [match[2], statistic.replace(match[1]!, '')] : [undefined, statistic];
}

describe('the label of a cluster', () => {
  const name = 'outbound|9080|v1|reviews.bookinfo.svc.cluster.local';

  test.each([
    ['upstream_rq_total'],
    ['upstream_rq_200'],
    ['external.upstream_rq_2xx'],
    ['circuit_breakers.default.rq_open'],
    ['outlier_detection.ejections_active'],
    ['membership_healthy'],
    ['ssl.handshake'],
  ])('is its whole name, dots and all: %s', (statistic) => {
    expect(split(`cluster.${name}.${statistic}`)).toEqual([name, `cluster.${statistic}`]);
  });

  test('is that of clusters with short names too', () => {
    expect(split('cluster.xds-grpc.upstream_cx_active')).toEqual(['xds-grpc', 'cluster.upstream_cx_active']);
  });

  test('is nothing on statistics of other things', () => {
    expect(split('listener.0.0.0.0_15001.downstream_cx_total')[0]).toBeUndefined();
    expect(split('cluster_manager.cds.update_success')[0]).toBeUndefined();
  });
});
