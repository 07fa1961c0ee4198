import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { malha } from './captured-io';

const SHOP = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart, namespace: shop }
spec:
  selector: { matchLabels: { app: cart } }
  template:
    metadata: { labels: { app: cart } }
    spec: { containers: [{ name: app, image: app, ports: [{ containerPort: 8080 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`;

/** Lua is what Envoy's API cannot judge by its types: only Envoy compiles it. */
const lua = (name: string, code: string) => `---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ${name}, namespace: shop }
spec:
  configPatches:
    - applyTo: HTTP_FILTER
      match: { context: SIDECAR_INBOUND }
      patch:
        operation: INSERT_FIRST
        value:
          name: ${name}
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
            default_source_code: { inline_string: "${code}" }
`;
const GOOD = lua('fine', 'function envoy_on_request(handle) end');
const BAD = lua('broken', 'this is no lua');

describe('malha validate-proxy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'malha-validate-proxy-'));
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  test('passes what Envoy takes, patches included', async () => {
    const { code, stderr } = await malha(['validate-proxy', file('good.yaml', SHOP + GOOD), '--proxy', 'cart.shop']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('fails at what Envoy refuses, and names the one patch that is to blame', async () => {
    const { code, stdout } = await malha(['validate-proxy', file('bad.yaml', SHOP + GOOD + BAD), '-o', 'json']);
    expect(code).toBe(1);
    const refused = JSON.parse(stdout).findings.filter((finding: { code: string }) => finding.code === 'MAL0040');
    expect(refused.map(({ resource }: { resource: string }) => resource)).toEqual(['EnvoyFilter shop/broken']);
    expect(refused[0].message).toContain('cart');
  });

  test('says so when the binary that is named is no Envoy', async () => {
    const { code, stderr } = await malha(['validate-proxy', file('shop.yaml', SHOP), '--envoy', '/no/envoy']);
    expect(code).toBe(2);
    expect(stderr).toContain('/no/envoy');
  });
});
