import { httpCall } from '../../lib/mixer/access-log-entry';
import { ObservedCalls } from '../../lib/mixer/observed-calls';

const NODE = 'sidecar~198.18.0.1~productpage-v1.shop~shop.svc.cluster.local';
const http = (
  fields: Parameters<typeof httpCall>[1] = {},
  cluster = 'outbound|9080|v2|reviews.shop.svc.cluster.local',
) => httpCall(NODE, { ...fields, common_properties: { upstream_cluster: cluster, ...fields.common_properties } });

describe('a logged request', () => {
  it('names the caller by its proxy and the callee by the cluster', () => {
    expect(
      http({
        response: { response_code: 503 },
        common_properties: { time_to_last_downstream_tx_byte: '0.012500s' },
      }),
    ).toEqual({
      call: {
        source: 'productpage-v1.shop',
        destination: 'reviews.shop.svc.cluster.local:9080 (v2)',
        code: 503,
        protocol: 'http',
      },
      milliseconds: 12.5,
    });
  });

  it('is left to the caller when the callee cannot name it', () => {
    expect(http({}, 'inbound|9080||')).toBeUndefined();
  });

  it('is counted by the callee when a certificate names the caller', () => {
    const uri = 'spiffe://cluster.local/ns/shop/sa/edge';
    const common_properties = { tls_properties: { peer_certificate_properties: { subject_alt_name: [{ uri }] } } };
    expect(http({ common_properties }, 'inbound|9080||')?.call).toMatchObject({
      source: uri,
      destination: 'productpage-v1.shop:9080',
    });
  });

  it('that the callee itself has refused is no call of the callee', () => {
    const uri = 'spiffe://cluster.local/ns/shop/sa/edge';
    const tls_properties = { peer_certificate_properties: { subject_alt_name: [{ uri }] } };
    const downstream_local_address = { socket_address: { address: '198.18.0.1', port_value: 9080 } };
    const refused = { request: { authority: 'productpage:9080' }, response: { response_code: 403 } };
    expect(
      http({ ...refused, common_properties: { downstream_local_address, tls_properties } }, '')?.call,
    ).toMatchObject({
      source: uri,
      destination: 'productpage-v1.shop:9080',
      code: 403,
    });
    expect(http({ ...refused, common_properties: { downstream_local_address } }, '')).toBeUndefined();
  });

  it('that went to no service is named by what was asked for', () => {
    expect(http({ request: { authority: 'example.com' } }, 'BlackHoleCluster')?.call.destination).toBe('example.com');
    expect(http({}, '')?.call.destination).toBe('unknown');
  });
});

describe('observed calls', () => {
  const call = (source: string, code = 200) => ({ source, destination: 'd', code, protocol: 'http' as const });

  it('are counted by source, destination and code', () => {
    const calls = new ObservedCalls(() => 0);
    calls.observe(call('b'), 10);
    calls.observe(call('a', 500), 1);
    calls.observe(call('b'), 20);
    expect(calls.all()).toEqual([
      {
        ...call('a', 500),
        count: 1,
        milliseconds: 1,
        lastSeen: '1970-01-01T00:00:00.000Z',
        lately: { perSecond: 1, times: { 1: 1 } },
      },
      {
        ...call('b'),
        count: 2,
        milliseconds: 15,
        lastSeen: '1970-01-01T00:00:00.000Z',
        lately: { perSecond: 2, times: { 11.314: 1, 22.627: 1 } },
      },
    ]);
  });

  it('tell of the last half minute apart, and of nothing when there was nothing', () => {
    let now = 0;
    const calls = new ObservedCalls(() => now);
    const lately = () => calls.all()[0]!.lately;
    for (now = 0; now < 20_000; now += 100) calls.observe(call('a'), 3);
    expect(lately()).toEqual({ perSecond: 10, times: { 4: 200 } });
    now = 29_900;
    expect(lately()!.perSecond).toBeLessThan(7);
    now = 50_000;
    expect(lately()).toBeUndefined();
    expect(calls.all()[0]!.count).toBe(200);
  });

  it('take bounded memory: what has not been seen for longest gives way', () => {
    const calls = new ObservedCalls(() => 0, 3);
    for (const source of ['a', 'b', 'c', 'a', 'd']) calls.observe(call(source), 1);
    expect(calls.all().map(({ source }) => source)).toEqual(['a', 'c', 'd']);
    expect(calls.dropped).toBe(1);
  });

  it('have names of bounded length', () => {
    const calls = new ObservedCalls(() => 0);
    calls.observe(call('x'.repeat(100_000)), 1);
    expect(calls.all()[0]!.source).toHaveLength(253);
  });
});
