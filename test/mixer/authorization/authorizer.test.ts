/** The authorizer's plugins decide about requests that a real Envoy takes. */
import { request } from 'node:http';
import { stringify } from 'yaml';
import { type RunningAuthorizer, startAuthorizer } from '../../../apps/authorizer';
import { type AuthorizationRequest, allow, definePlugin, deny } from '../../../constructs/plugin';
import type { ExtensionProvider } from '../../../lib/api';
import type { KubeObject } from '../../../lib/api/object';
import { NAMESPACE, PolicedEnvoy } from '../../pilot/authorization/policed-envoy';
import { service, slice } from '../../world/sample';

const HOST = '127.79.1.1';
const SHOP = 'spiffe://cluster.local/ns/shop/sa/page';
const STRANGER = 'spiffe://cluster.local/ns/elsewhere/sa/stranger';

const seen: AuthorizationRequest[] = [];
const tenants = definePlugin({
  name: 'tenants',
  apiVersion: 'v1',
  capabilities: { checks: { headers: ['x-tenant'], adds: ['x-judged-tenant'] } },
  checks: [
    {
      name: 'known-tenant',
      async check(question) {
        seen.push(question);
        const { path, headers, caller } = question;
        switch (path) {
          case '/throws':
            throw new Error('out of order');
          case '/slow':
            return new Promise(() => {});
          case '/nonsense':
            return { allowed: 'yes' } as never;
          case '/adds-more':
            return allow({ 'x-admin': 'true' });
        }
        if (caller?.namespace !== 'shop') return deny('the caller is not of the shop');
        return headers['x-tenant'] === 'red' ? allow({ 'x-judged-tenant': 'red' }) : deny('no tenant', 402);
      },
    },
  ],
});

describe('checks of plugins', () => {
  let authorizer: RunningAuthorizer;
  let envoy: PolicedEnvoy;
  const logged: { message: string; fields: object }[] = [];

  beforeAll(async () => {
    const note = (fields: object, message: string) => void logged.push({ fields, message });
    authorizer = await startAuthorizer({
      plugins: [tenants],
      grpc: `${HOST}:0`,
      http: '127.0.0.1:0',
      milliseconds: 200,
      log: { info: note, warn: note, error: note },
    });
    // The provider lets requests pass while nobody answers: what is refused below was refused by the authorizer itself.
    const providers: ExtensionProvider[] = [
      { name: 'plugins', envoyExtAuthzGrpc: { service: `${NAMESPACE}/authorizer`, port: 9000, failOpen: true } },
      { name: 'away', envoyExtAuthzGrpc: { service: `${NAMESPACE}/away`, port: 9000 } },
    ];
    const at = (name: string, port: number) => [
      service(name, NAMESPACE, { ports: [{ name: 'grpc', port: 9000, targetPort: port }] }),
      { ...slice(name, NAMESPACE, [HOST], port), ports: [{ name: 'grpc', port }] },
    ];
    const mesh = (provider: string): KubeObject[] => [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'istio', namespace: 'istio-system' },
        data: { mesh: stringify({ extensionProviders: providers }) },
      } as KubeObject,
      ...at('authorizer', authorizer.grpcPort),
      ...at('away', 1),
      {
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'ask', namespace: NAMESPACE },
        spec: { action: 'CUSTOM', provider: { name: provider }, rules: [{}] },
      },
    ];
    envoy = await PolicedEnvoy.start([() => mesh('plugins'), () => mesh('away')], { network: 79 });
  }, 60_000);

  afterAll(async () => {
    await envoy?.stop();
    await authorizer?.stop();
  });

  const red = { headers: { 'x-tenant': 'red', 'x-secret': 'mine', 'x-judged-tenant': 'forged' } };

  test('let a request pass, with a header that takes the place of a forged one', async () => {
    const { status, body } = await envoy.ask(0, { identity: SHOP, path: '/items?page=2', ...red });
    expect(status).toBe(200);
    expect(body).toContain('"x-judged-tenant":"red"');
  });

  test('are told who calls, as mutual TLS has proven, and of declared headers alone', async () => {
    await envoy.ask(0, { identity: SHOP, path: '/items?page=2', method: 'PUT', ...red });
    expect(seen.at(-1)).toMatchObject({
      protocol: 'http',
      caller: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'page' },
      method: 'PUT',
      path: '/items',
      query: 'page=2',
    });
    expect(seen.at(-1)!.headers).toEqual({ 'x-tenant': 'red' });
  });

  test.each([
    ['is refused by the check', { identity: SHOP }, 402],
    ['comes from a stranger', { identity: STRANGER, ...red }, 403],
    ['comes from nobody', red, 403],
    ['makes a check throw', { identity: SHOP, path: '/throws', ...red }, 403],
    ['makes a check wait for ever', { identity: SHOP, path: '/slow', ...red }, 403],
    ['is answered with what is no decision', { identity: SHOP, path: '/nonsense', ...red }, 403],
    ['would get a header that was not declared', { identity: SHOP, path: '/adds-more', ...red }, 403],
  ])('refuse a request that %s, although the provider may fail open', async (_, ask, status) => {
    const verdict = await envoy.ask(0, ask);
    expect({ status: verdict.status, body: verdict.body }).toEqual({ status, body: '' });
  });

  test('tell the operator why, in the log and in a metric, and tell no client', async () => {
    const reasons = logged.map(({ fields }) => fields);
    expect(reasons).toContainEqual({ outcome: 'failed', check: 'tenants/known-tenant', reason: 'out of order' });
    expect(reasons).toContainEqual({
      outcome: 'late',
      check: 'tenants/known-tenant',
      reason: 'no answer within 200 ms',
    });
    expect(JSON.stringify(logged)).not.toContain('mine');
    const page = await metricsOf(authorizer.httpPort);
    expect(page).toContain('malha_authorization_decisions{outcome="failed",check="tenants/known-tenant"} 3');
    expect(page).toContain('malha_authorization_decisions{outcome="late",check="tenants/known-tenant"} 1');
  });

  test('are missing: everything is refused, unless the provider may fail open', async () => {
    expect((await envoy.ask(1, { identity: SHOP, ...red })).status).toBe(403);
  });
});

function metricsOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ port, path: '/metrics', agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    })
      .on('error', reject)
      .end();
  });
}
