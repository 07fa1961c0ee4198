import '../../apps/jest';
import { MeshService, Port } from '../../constructs';
import { any, EnvoyChange, EnvoyPatch, ProxySide } from '../../constructs/envoy';
import { Program } from '../constructs/program';

/** Lua is what Envoy's API cannot judge by its types: only Envoy compiles it. */
const lua = (name: string, code: string) =>
  EnvoyChange.httpFilter(
    ProxySide.INBOUND,
    { port: 9080 },
    {
      name,
      typed_config: any('envoy.extensions.filters.http.lua.v3.Lua', { default_source_code: { inline_string: code } }),
    },
  );
const GOOD = 'function envoy_on_request(handle) end';

function program(...codes: string[]): Program {
  const made = new Program();
  const service = new MeshService(made.shop, 'page', { mesh: made.mesh, port: Port.http(9080), image: 'shop/page:1' });
  const changes = codes.map((code, i) => lua(`lua-${i}`, code));
  if (changes.length > 0) new EnvoyPatch(made.shop, 'Own', { service, changes });
  return made;
}

describe('toBeAcceptedByEnvoy', () => {
  test('passes where Envoy takes what every proxy gets', async () => {
    await expect(program(GOOD).mesh).toBeAcceptedByEnvoy();
  });

  test('fails at what Envoy refuses, with its words, the proxy, and the patch that is to blame', async () => {
    const { mesh } = program(GOOD, 'this is no lua', GOOD);
    await expect(mesh).not.toBeAcceptedByEnvoy();
    const failed = expect(mesh).toBeAcceptedByEnvoy({ proxies: ['page-v1.shop'] });
    await expect(failed).rejects.toThrow(
      /proxy page-v1\.shop is refused, because of EnvoyFilter shop\/page-own spec\.configPatches\[1\]: .*lua/s,
    );
  });

  test('says so when there is no Envoy, or no such proxy, behind `not` too', async () => {
    const { mesh } = program();
    await expect(expect(mesh).not.toBeAcceptedByEnvoy({ envoy: '/no/envoy' })).rejects.toThrow('/no/envoy');
    const other = expect(mesh).not.toBeAcceptedByEnvoy({ proxies: ['nobody.shop'] });
    await expect(other).rejects.toThrow('no proxy nobody.shop');
  });
});
