import fc from 'fast-check';
import { RecentRequests } from '../../lib/mixer/recent-requests';

const NODE = 'sidecar~198.18.0.1~page.shop~shop.svc.cluster.local';
const common_properties = {
  start_time: '2026-01-02T03:04:05.678Z',
  upstream_cluster: 'outbound|9080|v2|reviews.shop.svc.cluster.local',
  route_name: 'testers',
  duration: '0.0125s',
};
const http = (request: object, more: object = {}) => ({
  common_properties: { ...common_properties, ...more },
  request: { request_method: 'GET' as const, ...request },
  response: { response_code: 200 },
});

describe('recent requests', () => {
  test('tell who asked whom for what, and how that went', () => {
    const recent = new RecentRequests();
    recent.addHttp(NODE, http({ path: '/reviews/1' }, { response_flags: { upstream_retry_limit_exceeded: true } }));
    expect(recent.after(0)).toEqual({
      forgotten: 0,
      requests: [
        {
          sequence: 1,
          time: '2026-01-02T03:04:05.678Z',
          reporter: 'source',
          proxy: 'page.shop',
          peer: 'reviews.shop.svc.cluster.local',
          subset: 'v2',
          port: 9080,
          route: 'testers',
          protocol: 'http',
          method: 'GET',
          path: '/reviews/1',
          code: 200,
          flags: ['upstream_retry_limit_exceeded'],
          milliseconds: 12.5,
          bytesReceived: 0,
          bytesSent: 0,
        },
      ],
    });
  });

  test('hold no secret of a query, a fragment or a header', () => {
    const recent = new RecentRequests();
    const request_headers = { authorization: 'Bearer s3cret', cookie: 's3cret' };
    for (const path of ['/a?token=s3cret', '/a#s3cret', '/a?x=1?y=s3cret#s3cret']) {
      recent.addHttp(NODE, http({ path, request_headers, referer: 'http://x/?s3cret', user_agent: 's3cret' }));
    }
    recent.addHttp(NODE, http({ path: '/a', authority: 'x?s3cret' }, { upstream_cluster: 'BlackHoleCluster' }));
    const { requests } = recent.after(0);
    expect(JSON.stringify(requests)).not.toContain('s3cret');
    expect(requests.slice(0, 3).map(({ path }) => path)).toEqual(['/a', '/a', '/a']);
  });

  test('hold nothing that a terminal would obey or a line would end with, whatever clients send', () => {
    const evil = fc.string({
      unit: fc.constantFrom('a', '/', '\n', '\r', '\u001b', '\u009b', '\u202e', '\u2028', '\0', '\u007f'),
    });
    fc.assert(
      fc.property(evil, evil, evil, (path, authority, route_name) => {
        const recent = new RecentRequests();
        recent.addHttp(NODE, http({ path, authority }, { upstream_cluster: '', route_name }));
        const { peer, path: shown, route = '' } = recent.after(0).requests[0]!;
        expect(`${peer}${shown}${route}`).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
      }),
    );
  });

  test('are bounded, and say how many are forgotten', () => {
    const recent = new RecentRequests(3);
    for (let n = 0; n < 10; n++) recent.addHttp(NODE, http({ path: `/${n}`, authority: 'x'.repeat(100_000) }));
    const { requests, forgotten } = recent.after(2);
    expect(requests.map(({ path }) => path)).toEqual(['/7', '/8', '/9']);
    expect(forgotten).toBe(5);
    expect(recent.after(recent.last)).toEqual({ requests: [], forgotten: 0 });
  });
});
