import { any, decode, encode, encodeAny } from '../../lib/envoy/message';

describe('canonical JSON of a cluster', () => {
  it('comes back as it was written', () => {
    const cluster = {
      name: 'outbound|80||a',
      type: 'EDS',
      eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' }, service_name: 'x' },
      connect_timeout: '0.250s',
      per_connection_buffer_limit_bytes: 5,
      common_lb_config: { healthy_panic_threshold: {} },
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
          { explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 0 } } },
        ),
      },
      metadata: { filter_metadata: { istio: { services: [{ a: 'b', n: 1.5, x: null, t: true }] } } },
    } as const;
    expect(
      decode('envoy.config.cluster.v3.Cluster', encode('envoy.config.cluster.v3.Cluster', cluster as never)),
    ).toEqual(cluster);
    expect(encodeAny('type.googleapis.com/envoy.config.cluster.v3.Cluster', cluster).length).toBeGreaterThan(100);
  });
});
