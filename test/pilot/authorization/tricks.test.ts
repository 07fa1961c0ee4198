/** Ways to write a request so that a policy does not recognize it, one by one, in a real Envoy. */
import type { AuthorizationPolicySpec } from '../../../lib/api';
import type { KubeObject } from '../../../lib/api/object';
import { type Ask, NAMESPACE, PolicedEnvoy } from './policed-envoy';

const policy = (spec: AuthorizationPolicySpec): KubeObject => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'policy', namespace: NAMESPACE },
  spec,
});
const normalizing = (normalization: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: 'istio-system' },
  data: { mesh: `pathNormalization: { normalization: ${normalization} }` },
});
const deny = (operation: object): KubeObject => policy({ action: 'DENY', rules: [{ to: [{ operation }] }] });
const allow = (operation: object): KubeObject => policy({ rules: [{ to: [{ operation }] }] });

const ADMIN = deny({ paths: ['/admin', '/admin/*'] });

const meshes = {
  base: [normalizing('BASE'), ADMIN],
  merging: [normalizing('MERGE_SLASHES'), ADMIN],
  decoding: [normalizing('DECODE_AND_MERGE_SLASHES'), ADMIN],
  'public only': [normalizing('BASE'), allow({ paths: ['/public/*'] })],
  'public only, decoding': [normalizing('DECODE_AND_MERGE_SLASHES'), allow({ paths: ['/public/*'] })],
  'evil hosts': [deny({ hosts: ['evil.example', '*.evil.example'] })],
  'all but evil hosts': [allow({ hosts: ['*'], notHosts: ['evil.example'] })],
  'one host': [allow({ hosts: ['shop.example'] })],
  'no guests': [policy({ action: 'DENY', rules: [{ when: [{ key: 'request.headers[x-role]', values: ['guest'] }] }] })],
  admins: [policy({ rules: [{ when: [{ key: 'request.headers[x-role]', values: ['admin'] }] }] })],
  page: [policy({ rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/page'] } }] }] })],
  near: [policy({ rules: [{ from: [{ source: { ipBlocks: ['127.9.0.0/16'] } }] }] })],
} satisfies Record<string, readonly KubeObject[]>;

type Mesh = keyof typeof meshes;

describe('a request that is written to slip by', () => {
  let envoy: PolicedEnvoy;

  beforeAll(async () => {
    envoy = await PolicedEnvoy.start(
      Object.values(meshes).map((objects) => () => objects),
      { network: 77 },
    );
  }, 60_000);

  afterAll(() => envoy?.stop());

  const statusOf = async (mesh: Mesh, ask: Ask) =>
    (await envoy.ask((Object.keys(meshes) as Mesh[]).indexOf(mesh), ask)).status;

  test.each<[string, Mesh, string]>([
    ['a query', 'base', '/admin?x=1'],
    ['a dot segment', 'base', '/./admin'],
    ['a way back', 'base', '/public/../admin'],
    ['an encoded way back', 'base', '/public/%2e%2e/admin'],
    ['a way back in capitals', 'base', '/public/%2E%2E/admin/x'],
    ['a backslash', 'base', '/public\\..\\admin'],
    ['encoded letters', 'base', '/%61dmin'],
    ['two slashes', 'merging', '//admin'],
    ['three slashes within', 'merging', '/admin///x'],
    ['an encoded slash', 'decoding', '/admin%2Fx'],
    ['an encoded slash in front', 'decoding', '/%2Fadmin'],
    ['an encoded backslash', 'decoding', '/admin%5Cx'],
    ['an encoded way back with its slash', 'decoding', '/public/..%2Fadmin'],
    ['a parameter of the path', 'base', '/admin;x=1'],
    ['a parameter within the path', 'base', '/admin;x/users'],
  ])('is refused: %s (%s)', async (_, mesh, path) => {
    expect(await statusOf(mesh, { path })).toBe(403);
  });

  test.each<[string, Mesh, string]>([
    ['a way back', 'public only', '/public/../admin'],
    ['an encoded way back', 'public only', '/public/%2e%2e/admin'],
    ['an encoded way back with its slash', 'public only, decoding', '/public/..%2fadmin'],
    ['other letters', 'public only', '/PUBLIC/x'],
  ])('does not get what is allowed to others: %s (%s)', async (_, mesh, path) => {
    expect(await statusOf(mesh, { path })).toBe(403);
  });

  test('is no request when it has a fragment', async () => {
    expect(await statusOf('base', { path: '/admin#x' })).toBe(400);
    expect(await statusOf('public only', { path: '/public/x#/../../admin' })).toBe(400);
  });

  test('that only looks alike is let be', async () => {
    expect(await statusOf('base', { path: '/administration' })).toBe(200);
    expect(await statusOf('base', { path: '/Admin' })).toBe(200);
    expect(await statusOf('evil hosts', { host: 'notevil.example' })).toBe(200);
  });

  test.each(['EVIL.example', 'evil.example:8080', 'evil.example.', 'evil.example.:8080', 'a.EVIL.example:1'])(
    'to host %s is refused where evil.example is',
    async (host) => {
      expect(await statusOf('evil hosts', { host })).toBe(403);
      if (!host.startsWith('a.')) expect(await statusOf('all but evil hosts', { host })).toBe(403);
    },
  );

  test.each(['shop.example.evil.example', 'shop.example:8080', 'xshop.example', 'shop.example.'])(
    'to host %s is not taken for one to shop.example',
    async (host) => {
      expect(await statusOf('one host', { host })).toBe(403);
    },
  );

  test.each<[string, Ask['headers']]>([
    ['repeated, last', { 'x-role': ['user', 'guest'] }],
    ['repeated, first', { 'x-role': ['guest', 'user'] }],
    ['by another case of its name', { 'X-ROLE': 'guest' }],
  ])('is refused with a header %s', async (_, headers) => {
    expect(await statusOf('no guests', { headers })).toBe(403);
  });

  test.each<[string, Ask['headers']]>([
    ['with an underscore', { x_role: 'admin' }],
    ['joined with another', { 'x-role': 'user,admin' }],
    ['in other letters', { 'x-role': 'ADMIN' }],
  ])('is not allowed by a header %s', async (_, headers) => {
    expect(await statusOf('admins', { headers })).toBe(403);
  });

  test('is nobody for what it says of itself', async () => {
    const uri = 'spiffe://cluster.local/ns/shop/sa/page';
    expect(await statusOf('page', { identity: uri })).toBe(200);
    const disguises: Record<string, string>[] = [
      { 'x-forwarded-client-cert': `By=x;Hash=y;URI=${uri}` },
      { 'x-forwarded-client-cert': `URI="${uri}"`, 'x-envoy-peer-metadata-id': 'sidecar~1.2.3.4~page.shop~x' },
    ];
    for (const headers of disguises) {
      expect(await statusOf('page', { headers })).toBe(403);
      expect(await statusOf('page', { headers, identity: uri.replace('page', 'other') })).toBe(403);
    }
  });

  test('comes from where its connection does', async () => {
    expect(await statusOf('near', { address: '127.9.1.1' })).toBe(200);
    for (const name of ['x-forwarded-for', 'x-real-ip', 'x-envoy-external-address', 'forwarded']) {
      expect(await statusOf('near', { headers: { [name]: '127.9.1.1' } })).toBe(403);
    }
  });
});
