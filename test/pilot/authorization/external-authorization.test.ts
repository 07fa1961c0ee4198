/** CUSTOM policies in a real Envoy, with real authorizers. */
import { stringify } from 'yaml';
import type { AuthorizationPolicySpec, ExtensionProvider } from '../../../lib/api';
import type { KubeObject } from '../../../lib/api/object';
import { service, slice } from '../../world/sample';
import { type Authorizer, grpcAuthorizer, type HttpQuestion, httpAuthorizer } from './authorizers';
import { type Ask, NAMESPACE, PolicedEnvoy } from './policed-envoy';

const HOST = '127.78.1.1';

type Rules = AuthorizationPolicySpec['rules'];

const policy = (name: string, spec: AuthorizationPolicySpec): KubeObject => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace: NAMESPACE },
  spec,
});
const asking = (provider: string, rules: Rules = [{}]) =>
  policy(`ask-${provider}`, { action: 'CUSTOM', provider: { name: provider }, rules });
const paths = (...some: string[]): Rules => [{ to: [{ operation: { paths: some } }] }];
const letMe: Ask = { headers: { 'x-let-me': 'in' } };

describe('a CUSTOM policy', () => {
  let http: Authorizer<HttpQuestion>;
  let grpc: Awaited<ReturnType<typeof grpcAuthorizer>>;
  let envoy: PolicedEnvoy;
  const meshes = new Map<string, readonly KubeObject[]>();

  beforeAll(async () => {
    [http, grpc] = await Promise.all([httpAuthorizer(HOST), grpcAuthorizer(HOST)]);
    const at = (name: string) => ({ service: `${NAMESPACE}/${name}`, port: 9000 });
    const check = { includeRequestHeadersInCheck: ['x-let-me'] };
    const providers: ExtensionProvider[] = [
      { name: 'http', envoyExtAuthzHttp: { ...at('http'), ...check } },
      {
        name: 'detailed',
        envoyExtAuthzHttp: {
          ...at('http'),
          pathPrefix: '/check',
          includeRequestHeadersInCheck: ['x-let-*'],
          includeAdditionalHeadersInCheck: { 'x-mesh': 'malha' },
          includeRequestBodyInCheck: { maxRequestBytes: 5, allowPartialMessage: true },
          headersToUpstreamOnAllow: ['x-judged-by'],
          headersToDownstreamOnDeny: ['x-judged-*'],
        },
      },
      { name: 'grpc', envoyExtAuthzGrpc: at('grpc') },
      { name: 'away', envoyExtAuthzHttp: { ...at('away'), statusOnError: '503' } },
      { name: 'away-open', envoyExtAuthzHttp: { ...at('away'), failOpen: true } },
      { name: 'away-grpc', envoyExtAuthzGrpc: at('away') },
      { name: 'teapot', envoyExtAuthzHttp: { ...at('away'), statusOnError: '418' } },
      { name: 'unknown-service', envoyExtAuthzHttp: { ...at('unknown'), failOpen: true } },
    ];
    const authorizer = (name: string, port: number, protocol: string) => [
      service(name, NAMESPACE, { ports: [{ name: protocol, port: 9000, targetPort: port }] }),
      { ...slice(name, NAMESPACE, [HOST], port), ports: [{ name: protocol, port }] },
    ];
    const common = [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'istio', namespace: 'istio-system' },
        data: { mesh: stringify({ extensionProviders: providers }) },
      },
      ...authorizer('http', http.port, 'http'),
      ...authorizer('grpc', grpc.port, 'grpc'),
      ...authorizer('away', 1, 'http'),
    ] as KubeObject[];
    meshes.set('http', [asking('http', paths('/asked'))]);
    meshes.set('detailed', [asking('detailed')]);
    meshes.set('grpc', [asking('grpc')]);
    meshes.set('both', [asking('http', paths('/open', '/http')), asking('grpc', paths('/open', '/grpc'))]);
    meshes.set('away', [asking('away')]);
    meshes.set('away-open', [asking('away-open')]);
    meshes.set('away-grpc', [asking('away-grpc')]);
    meshes.set('teapot', [asking('teapot')]);
    meshes.set('unknown-service', [asking('unknown-service')]);
    meshes.set('on trial', [
      { ...asking('http'), metadata: { name: 'x', namespace: NAMESPACE, annotations: { 'istio.io/dry-run': 'true' } } },
    ]);
    meshes.set('denied', [asking('http'), policy('deny', { action: 'DENY', rules: paths('/asked') })]);
    meshes.set('http on tcp', [asking('http', paths('/asked'))]);
    envoy = await PolicedEnvoy.start(
      [...meshes.values()].map((objects) => () => [...common, ...objects]),
      { network: 78 },
    );
  }, 60_000);

  afterAll(async () => {
    await envoy?.stop();
    http?.close();
    grpc?.close();
  });

  const ask = (mesh: string, question: Ask = {}) => envoy.ask([...meshes.keys()].indexOf(mesh), question);
  const statusOf = async (mesh: string, question: Ask = {}) => (await ask(mesh, question)).status;

  test('asks about the requests of its rules, and no others', async () => {
    expect(await statusOf('http', { path: '/asked' })).toBe(401);
    expect(await statusOf('http', { path: '/asked', ...letMe })).toBe(200);
    const before = http.questions.length;
    expect(await statusOf('http', { path: '/else' })).toBe(200);
    expect(http.questions.length).toBe(before);
  });

  test('tells the authorizer what the provider says, and no more', async () => {
    const headers = { 'x-let-me': 'in', 'x-private': 'mine' };
    await ask('detailed', { path: '/a?b', headers });
    const { method, path, headers: seen } = http.questions.at(-1)!;
    expect([method, path]).toEqual(['GET', '/check/a?b']);
    expect(seen).toMatchObject({ 'x-let-me': 'in', 'x-mesh': 'malha' });
    expect(seen['x-private']).toBeUndefined();
  });

  test('passes on what the provider says of the answer, and no more', async () => {
    const allowed = JSON.parse((await ask('detailed', letMe)).body) as { headers: Record<string, string> };
    expect(allowed.headers['x-judged-by']).toBe('http');
    expect(allowed.headers['x-secret']).toBeUndefined();
    const refused = await ask('detailed');
    expect([refused.status, refused.body]).toEqual([401, 'who are you']);
    expect(refused.headers['x-judged-by']).toBe('http');
    expect(refused.headers['x-secret']).toBeUndefined();
  });

  test('asks by gRPC', async () => {
    expect(await statusOf('grpc', { path: '/open' })).toBe(200);
    expect(await statusOf('grpc', { path: '/closed' })).toBe(403);
    expect(grpc.questions.at(-1)?.attributes?.request?.http?.path).toBe('/closed');
  });

  test('asks by gRPC about connections', async () => {
    expect(await statusOf('grpc', { tcp: true })).toBe(200);
    expect(await statusOf('grpc', { tcp: true, address: '127.9.1.1' })).toBe(0);
  });

  test('needs the yes of every provider that is asked', async () => {
    expect(await statusOf('both', { path: '/http', ...letMe })).toBe(200);
    expect(await statusOf('both', { path: '/grpc', ...letMe })).toBe(403);
    expect(await statusOf('both', { path: '/open' })).toBe(401);
    expect(await statusOf('both', { path: '/open', ...letMe })).toBe(200);
  });

  test.each([
    ['the status that the provider says', 'away', 503],
    ['403 by default', 'away-grpc', 403],
    ['403 where the provider names a status that Envoy cannot send', 'teapot', 403],
    ['403 when the service of the provider does not exist, even if it is to fail open', 'unknown-service', 403],
  ])('refuses when nobody answers, with %s', async (_, mesh, status) => {
    expect(await statusOf(mesh)).toBe(status);
  });

  test('lets requests pass when nobody answers, where the provider says so', async () => {
    expect(await statusOf('away-open')).toBe(200);
  });

  test('asks nobody while on trial', async () => {
    expect(await statusOf('on trial')).toBe(200);
  });

  test('does not overrule a DENY', async () => {
    expect(await statusOf('denied', letMe)).toBe(200);
    expect(await statusOf('denied', { path: '/asked', ...letMe })).toBe(403);
  });

  test('refuses connections that it would have to ask about by HTTP', async () => {
    expect(await statusOf('http on tcp', { tcp: true })).toBe(0);
  });
});
