/** Tokens in a real Envoy: which are good, what policies see of them, and what happens when keys cannot be had. */
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AuthorizationPolicySpec, JWTRule, RequestAuthenticationSpec } from '../../../lib/api';
import type { KubeObject } from '../../../lib/api/object';
import { service, slice } from '../../world/sample';
import { type Ask, NAMESPACE, PolicedEnvoy, type Verdict } from './policed-envoy';
import { TokenIssuer, unsigned } from './token-issuer';

const ISSUER = 'https://id.example';
const OTHER = 'https://other.example';
const HOST = '127.79.1.1';

type Rule = NonNullable<AuthorizationPolicySpec['rules']>[number];

const authentication = (...jwtRules: JWTRule[]): KubeObject => {
  const spec: RequestAuthenticationSpec = { jwtRules };
  const metadata = { name: `tokens-${jwtRules.length}`, namespace: NAMESPACE };
  return { apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication', metadata, spec };
};
const allow = (...rules: Rule[]): KubeObject => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'allow', namespace: NAMESPACE },
  spec: { rules },
});
const bearer = (token: string): Ask => ({ headers: { authorization: `Bearer ${token}` } });

describe('a RequestAuthentication', () => {
  let id: TokenIssuer;
  let other: TokenIssuer;
  let impostor: TokenIssuer;
  let envoy: PolicedEnvoy;
  const servers: Server[] = [];
  const meshes = new Map<string, readonly KubeObject[]>();
  /** Who asked the server that a redirect leads to. */
  let redirected = 0;

  /** A server of the mesh that answers for keys. */
  async function keyServer(status: number, body: string, headers: Record<string, string> = {}): Promise<number> {
    const server = createServer((_, response) => response.writeHead(status, headers).end(body));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    return (server.address() as AddressInfo).port;
  }

  function issuerService(name: string, port: number): KubeObject[] {
    return [
      service(name, NAMESPACE, { ports: [{ name: 'http', port: 8000, targetPort: port }] }),
      slice(name, NAMESPACE, [HOST], port),
    ];
  }

  const uriOf = (name: string) => `http://${name}.${NAMESPACE}.svc.cluster.local:8000/jwks`;
  const fetched = (name: string, port: number) => [
    ...issuerService(name, port),
    authentication({ issuer: ISSUER, jwksUri: uriOf(name) }),
  ];

  beforeAll(async () => {
    [id, other, impostor] = await Promise.all([
      TokenIssuer.make(ISSUER),
      TokenIssuer.make(OTHER, 'key-2'),
      TokenIssuer.make(ISSUER),
    ]);
    const { jwks } = id;
    const target = createServer((_, reply) => {
      redirected++;
      reply.end(jwks);
    });
    servers.push(target);
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const good = await keyServer(200, jwks);
    const failing = await keyServer(500, jwks);
    const garbage = await keyServer(200, '<html>login</html>');
    const location = `http://127.0.0.1:${(target.address() as AddressInfo).port}/jwks`;
    const moved = await keyServer(302, '', { location });
    const inline = { issuer: ISSUER, jwks };

    meshes.set('inline', [authentication(inline)]);
    meshes.set('demanded', [authentication(inline), allow({ from: [{ source: { requestPrincipals: ['*'] } }] })]);
    meshes.set('audiences', [authentication({ ...inline, audiences: ['shop', 'bank'] })]);
    meshes.set('two', [authentication(inline, { issuer: OTHER, jwks: other.jwks })]);
    meshes.set('required', [authentication({ ...inline, presence: 'REQUIRED' })]);
    meshes.set('elsewhere', [
      authentication({
        ...inline,
        fromHeaders: [{ name: 'X-Token', prefix: 'Token ' }],
        fromParams: ['token'],
        fromCookies: ['session'],
      }),
      allow({ from: [{ source: { requestPrincipals: [`${ISSUER}/ana`] } }] }),
    ]);
    meshes.set('output', [
      authentication({
        ...inline,
        forwardOriginalToken: true,
        outputPayloadToHeader: 'x-payload',
        outputClaimToHeaders: [{ header: 'x-subject', claim: 'sub' }],
      }),
    ]);
    meshes.set('claims', [
      authentication({ ...inline, spaceDelimitedClaims: ['duties'] }),
      allow(
        { when: [{ key: 'request.auth.claims[realm][roles]', values: ['admin'] }] },
        { when: [{ key: 'request.auth.claims[duties]', values: ['cook'] }] },
        { when: [{ key: 'request.auth.claims[scope]', values: ['write'] }] },
        { when: [{ key: 'request.auth.audiences', values: ['bank'] }] },
        { when: [{ key: 'request.auth.presenter', values: ['app-1'] }] },
      ),
    ]);
    meshes.set('no jwks', [authentication({ issuer: ISSUER, jwks: 'not a key set' })]);
    meshes.set('no keys', [authentication({ issuer: ISSUER })]);
    meshes.set('fetched', fetched('good', good));
    meshes.set('failing', fetched('failing', failing));
    meshes.set('garbage', fetched('garbage', garbage));
    meshes.set('moved', fetched('moved', moved));
    meshes.set('nobody', fetched('nobody', 1));
    meshes.set('itself', [authentication({ issuer: ISSUER, jwksUri: location })]);
    envoy = await PolicedEnvoy.start(
      [...meshes.values()].map((objects) => () => objects),
      { network: 79 },
    );
  }, 60_000);

  afterAll(async () => {
    await envoy?.stop();
    for (const server of servers) server.close();
  });

  const ask = (mesh: string, question: Ask): Promise<Verdict> => envoy.ask([...meshes.keys()].indexOf(mesh), question);
  const statusOf = async (mesh: string, token?: string) => (await ask(mesh, token ? bearer(token) : {})).status;

  test('lets good tokens in, and requests without any', async () => {
    expect(await statusOf('inline', await id.token())).toBe(200);
    expect(await statusOf('inline')).toBe(200);
  });

  test('asks for a token where a policy demands its principal', async () => {
    expect(await statusOf('demanded', await id.token())).toBe(200);
    expect(await statusOf('demanded')).toBe(403);
  });

  test('asks for a token where one is required', async () => {
    expect(await statusOf('required', await id.token())).toBe(200);
    expect(await statusOf('required')).toBe(401);
  });

  const now = Math.floor(Date.now() / 1000);
  test.each<[string, () => Promise<string> | string]>([
    ['of another key by the same name', () => impostor.token()],
    ['of another issuer', () => other.token()],
    ['that says to be of another issuer', () => id.token({ iss: OTHER })],
    ['that has expired', () => id.token({ exp: now - 3600 })],
    ['that never expires', () => id.token({ exp: undefined })],
    ['that is not good yet', () => id.token({ nbf: now + 3600 })],
    ['without a signature', () => unsigned({ alg: 'none' }, { iss: ISSUER, sub: 'ana', exp: now + 3600 })],
    ['with a key that is nobody’s', () => id.token({}, { kid: 'key-9' })],
    ['with a key id that is a path', () => id.token({}, { kid: '../../../../dev/null' })],
    ['that is no token', () => 'nonsense'],
    [
      'that takes the public key for a shared secret',
      () => {
        const [head, body] = unsigned(
          { alg: 'HS256', kid: 'key-1' },
          { iss: ISSUER, sub: 'ana', exp: now + 3600 },
        ).split('.');
        const signature = createHmac('sha256', id.jwks).update(`${head}.${body}`).digest('base64url');
        return `${head}.${body}.${signature}`;
      },
    ],
    [
      'that brings its own key along',
      async () => {
        const [jwk] = (JSON.parse(impostor.jwks) as { keys: object[] }).keys;
        return impostor.token({}, { jwk, jku: 'http://127.0.0.1/jwks' });
      },
    ],
  ])('refuses a token %s', async (_, token) => {
    expect(await statusOf('inline', await token())).toBe(401);
  });

  test('asks for one of its audiences', async () => {
    expect(await statusOf('audiences', await id.token({ aud: ['bank', 'x'] }))).toBe(200);
    expect(await statusOf('audiences', await id.token({ aud: 'other' }))).toBe(403);
    expect(await statusOf('audiences', await id.token())).toBe(403);
  });

  test('of two issuers takes the tokens of each by its own keys only', async () => {
    expect(await statusOf('two', await id.token())).toBe(200);
    expect(await statusOf('two', await other.token())).toBe(200);
    expect(await statusOf('two')).toBe(200);
    expect(await statusOf('two', await other.token({ iss: ISSUER }))).toBe(401);
    expect(await statusOf('two', await impostor.token())).toBe(401);
  });

  test.each<[string, (token: string) => Ask]>([
    ['a header', (token) => ({ headers: { 'x-token': `Token ${token}` } })],
    ['the query', (token) => ({ path: `/?token=${token}` })],
    ['a cookie', (token) => ({ headers: { cookie: `a=b; session=${token}` } })],
  ])('finds a token in %s', async (_, question) => {
    expect((await ask('elsewhere', question(await id.token()))).status).toBe(200);
    expect((await ask('elsewhere', question(await impostor.token()))).status).toBe(401);
  });

  test('does not look where it was not told to', async () => {
    expect(await statusOf('elsewhere', await id.token())).toBe(403);
  });

  test('keeps the token from the workload, unless told otherwise', async () => {
    const token = await id.token();
    const seen = async (mesh: string) => JSON.parse((await ask(mesh, bearer(token))).body).headers;
    expect((await seen('inline')).authorization).toBeUndefined();
    const headers = await seen('output');
    expect(headers.authorization).toBe(`Bearer ${token}`);
    expect(headers['x-subject']).toBe('ana');
    expect(JSON.parse(Buffer.from(headers['x-payload'], 'base64url').toString())).toMatchObject({ sub: 'ana' });
  });

  test('takes headers for claims from nobody else', async () => {
    const forged = { 'x-subject': 'admin', 'X-Payload': 'e30' };
    const { body } = await ask('output', { headers: forged });
    expect(JSON.parse(body).headers['x-subject']).toBeUndefined();
    expect(JSON.parse(body).headers['x-payload']).toBeUndefined();
  });

  test.each<[string, object, number]>([
    ['a list in a claim in a claim', { realm: { roles: ['user', 'admin'] } }, 200],
    ['a text in a claim in a claim', { realm: { roles: 'admin' } }, 200],
    ['the wrong claim in a claim', { realm: { role: 'admin' } }, 403],
    ['several values with spaces', { duties: 'clean cook' }, 200],
    ['a scope', { scope: 'read write' }, 200],
    ['a claim that has no spaces to separate values', { realm: { roles: 'user admin' } }, 403],
    ['an audience', { aud: 'bank' }, 200],
    ['a presenter', { azp: 'app-1' }, 200],
    ['nothing of it', {}, 403],
  ])('shows policies %s', async (_, claims, status) => {
    expect(await statusOf('claims', await id.token({ ...claims }))).toBe(status);
  });

  test('fetches keys from where the issuer has them', async () => {
    expect(await statusOf('fetched', await id.token())).toBe(200);
    expect(await statusOf('fetched', await impostor.token())).toBe(401);
  });

  test.each([
    ['a key set is none', 'no jwks'],
    ['no keys are known', 'no keys'],
    ['the issuer fails', 'failing'],
    ['the issuer answers something else', 'garbage'],
    ['the issuer cannot be reached', 'nobody'],
    ['the issuer sends elsewhere', 'moved'],
    ['the keys would be on the machine itself', 'itself'],
  ])('refuses every token when %s', async (_, mesh) => {
    expect(await statusOf(mesh, await id.token())).toBe(401);
    expect(await statusOf(mesh)).toBe(200);
  });

  test('follows no redirect, and fetches nothing from the machine itself', async () => {
    await statusOf('moved', await id.token());
    await statusOf('itself', await id.token());
    expect(redirected).toBe(0);
  });
});
