import { MeshService, Port } from '../../constructs';
import { any, EnvoyChange, EnvoyPatch, ProxySide } from '../../constructs/envoy';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { Translator } from '../../lib/pilot';
import { complete, proxyNamed, World } from '../../lib/world';
import { Program } from './program';

function shopOf(program: Program) {
  const service = (id: string) =>
    new MeshService(program.shop, id, { mesh: program.mesh, port: Port.http(9080), image: `shop/${id}:1` });
  const [page, reviews] = [service('page'), service('reviews')];
  page.calls(reviews);
  return { page, reviews };
}

const lua = any('envoy.extensions.filters.http.lua.v3.Lua', {
  default_source_code: { inline_string: 'function envoy_on_request(handle) end' },
});

describe('a typed patch', () => {
  test('changes what its service gets, and nothing that others get', () => {
    const program = new Program();
    const { page, reviews } = shopOf(program);
    new EnvoyPatch(program.shop, 'Limits', {
      service: page,
      changes: [
        EnvoyChange.cluster(
          ProxySide.OUTBOUND,
          { service: reviews, port: 9080 },
          {
            circuit_breakers: { thresholds: [{ max_requests: 7 }] },
          },
        ),
        EnvoyChange.httpFilter(ProxySide.INBOUND, { port: 9080 }, { name: 'mine', typed_config: lua }),
        EnvoyChange.route(ProxySide.OUTBOUND, { service: reviews }, { request_headers_to_remove: ['x-secret'] }),
      ],
    });
    const world = World.of(complete(program.objects));
    const podOf = (app: string) => world.pods('shop').find(({ metadata }) => metadata.labels?.['app'] === app)!;
    const translator = new Translator();
    const of = (name: string) => translator.snapshot(world, proxyNamed(world, `${podOf(name).metadata.name}.shop`)!);
    const thresholds = (name: string) =>
      (
        of(name).clusters.find((each) => each.name === `outbound|9080||${reviews.host}`)?.message as
          | envoy.config.cluster.v3.Cluster
          | undefined
      )?.circuit_breakers?.thresholds;
    expect(thresholds('page')).toEqual([{ max_requests: 7 }]);
    expect(thresholds('reviews')).not.toEqual([{ max_requests: 7 }]);
    const inbound = (name: string) => JSON.stringify(of(name).listeners.find((each) => each.name === 'virtualInbound'));
    expect([inbound('page').includes('"mine"'), inbound('reviews').includes('"mine"')]).toEqual([true, false]);
    expect(JSON.stringify(of('page').routes)).toContain('x-secret');
    expect(translator.failures).toEqual([]);
  });

  test('does not compile with a field that Envoy does not have', () => {
    // @ts-expect-error: a cluster has no such field
    const change = EnvoyChange.cluster(ProxySide.OUTBOUND, {}, { connectTimeoutMs: 3 });
    expect(change).toBeInstanceOf(EnvoyChange);
  });

  test('that the types let through is refused at synthesis, with its path', () => {
    const program = new Program();
    const { page } = shopOf(program);
    const timeout = 'soon' as '3s';
    new EnvoyPatch(program.shop, 'Wrong', {
      service: page,
      changes: [EnvoyChange.cluster(ProxySide.OUTBOUND, {}, { connect_timeout: timeout })],
    });
    expect(program.complaint).toContain('spec.configPatches[0].patch.value.connect_timeout');
  });
});
