/** The policies that constructs write, in front of a workload in a real Envoy, with identities that mutual TLS has proven. */
import { AuditPolicy, Caller, ExternalAuthorizer, MeshService, Port } from '../../constructs';
import type { KubeObject } from '../../lib/api/object';
import { type Authorizer, type HttpQuestion, httpAuthorizer } from '../pilot/authorization/authorizers';
import { type Ask, PolicedEnvoy } from '../pilot/authorization/policed-envoy';
import { TokenIssuer } from '../pilot/authorization/token-issuer';
import { service, slice } from '../world/sample';
import { Program } from './program';

const HOST = '127.74.1.1';
const identity = (name: string) => `spiffe://cluster.local/ns/shop/sa/${name}`;

/** A program of three services, in which something is said of `stock`, whose workload is at this port. */
function policies(
  port: number,

  say: (it: Record<'page' | 'stock' | 'judge', MeshService> & { program: Program }) => void,
): KubeObject[] {
  const program = new Program();
  const { mesh, shop: chart } = program;
  const make = (name: string, at: Port) => new MeshService(chart, name, { mesh, port: at, image: `shop/${name}:1` });
  say({
    program,
    page: make('page', Port.http(8080)),
    stock: make('stock', Port.http(port)),
    judge: make('judge', Port.http(9000)),
  });
  return (
    program.objects
      .filter(({ apiVersion, kind }) => apiVersion.startsWith('security.istio.io/') || kind === 'ConfigMap')
      // The workload has TLS of the test's own, with and without certificates.
      .filter(({ kind }) => kind !== 'PeerAuthentication')
      // The configuration itself says which namespace is the root.
      .map((object) => (object.kind === 'ConfigMap' ? inNamespace(object, 'istio-system') : object))
  );
}

const inNamespace = (object: KubeObject, namespace: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, namespace },
});

let issuer: TokenIssuer;
let judge: Authorizer<HttpQuestion>;
let envoy: PolicedEnvoy;
const NAMES = ['nothing', 'denied', 'tokens', 'audited', 'judged'] as const;

beforeAll(async () => {
  [issuer, judge] = await Promise.all([TokenIssuer.make('https://id.example'), httpAuthorizer(HOST)]);
  const meshes: Record<(typeof NAMES)[number], (http: number) => KubeObject[]> = {
    nothing: (http) => policies(http, () => {}),
    denied: (http) =>
      policies(http, ({ page, stock }) => {
        stock.allowCallsFrom(Caller.anyone(), { methods: ['GET'] });
        stock.denyCallsFrom(page, { ports: [stock.ports[0]!], paths: ['/admin*'] });
      }),
    tokens: (http) =>
      policies(http, ({ stock }) => {
        stock.allowCallsFrom(Caller.anyone());
        stock.requireJwt({ issuer: issuer.name, jwks: issuer.jwks, audiences: ['shop'], exceptPaths: ['/healthz'] });
      }),
    audited: (http) =>
      policies(http, ({ program, page, stock }) => {
        page.calls(stock);
        new AuditPolicy(program.shop, 'writes', { service: stock, methods: ['PUT', 'DELETE'] });
      }),
    judged: (http) => [
      ...policies(http, ({ program, page, stock, judge: asked }) => {
        page.calls(stock);
        const authorizer = new ExternalAuthorizer(program.shop, 'opa', {
          mesh: program.mesh,
          service: asked,
          headers: ['x-let-me'],
        });
        authorizer.decidesFor(stock, { paths: ['/admin*'] });
      }),
      service('judge', 'shop', { ports: [{ name: 'http', port: 9000, targetPort: judge.port }] }),
      { ...slice('judge', 'shop', [HOST], judge.port), ports: [{ name: 'http', port: judge.port }] },
    ],
  };
  envoy = await PolicedEnvoy.start(
    NAMES.map(
      (name) =>
        ({ http }) =>
          meshes[name](http),
    ),
    {
      network: 75,
      workload: { namespace: 'shop', labels: { app: 'stock' } },
      edit: (manager) => ({ ...manager, route_config: { ...(manager['route_config'] as object), ...MARKED } }),
    },
  );
}, 60_000);

afterAll(async () => {
  await envoy?.stop();
  judge?.close();
});

/** Shows the mark of action AUDIT to the client. */
const MARKED = {
  response_headers_to_add: [{ header: { key: 'x-marked', value: '%DYNAMIC_METADATA(envoy.common:access_log_hint)%' } }],
};

const ask = (mesh: (typeof NAMES)[number], question: Ask) => envoy.ask(NAMES.indexOf(mesh), question);
const statusOf = async (mesh: (typeof NAMES)[number], question: Ask) => (await ask(mesh, question)).status;
const page: Ask = { identity: identity('page') };
const other: Ask = { identity: identity('other') };

test('what nobody has declared is refused', async () => {
  expect([await statusOf('nothing', page), await statusOf('nothing', {})]).toEqual([403, 403]);
});

test('denyCallsFrom goes before every allowance, for that caller alone', async () => {
  expect(await statusOf('denied', { ...page, path: '/items' })).toBe(200);
  expect(await statusOf('denied', { ...page, path: '/admin/x' })).toBe(403);
  expect(await statusOf('denied', { ...other, path: '/admin/x' })).toBe(200);
  expect(await statusOf('denied', { ...other, method: 'PUT' })).toBe(403);
});

test('requireJwt lets in who brings a good token, and everybody where it makes an exception', async () => {
  const bearer = (token: string): Ask => ({ ...page, headers: { authorization: `Bearer ${token}` } });
  expect(await statusOf('tokens', bearer(await issuer.token({ aud: 'shop' })))).toBe(200);
  expect(await statusOf('tokens', bearer(await issuer.token({ aud: 'bank' })))).toBe(403);
  expect(await statusOf('tokens', bearer('nonsense'))).toBe(401);
  expect(await statusOf('tokens', page)).toBe(403);
  expect(await statusOf('tokens', { ...page, path: '/healthz' })).toBe(200);
});

test('AuditPolicy marks what it is about, and changes nothing', async () => {
  const marked = async (question: Ask) => {
    const { status, headers } = await ask('audited', question);
    return [status, headers['x-marked']];
  };
  expect(await marked({ ...page, method: 'PUT' })).toEqual([200, 'true']);
  expect((await marked({ ...page, method: 'GET' }))[1]).not.toBe('true');
  expect((await marked({ ...other, method: 'PUT' }))[0]).toBe(403);
});

test('ExternalAuthorizer is asked about its paths, before the policies have their say', async () => {
  const letIn = { headers: { 'x-let-me': 'in' } };
  expect(await statusOf('judged', { ...page, path: '/items' })).toBe(200);
  expect(await statusOf('judged', { ...page, path: '/admin' })).toBe(401);
  expect(await statusOf('judged', { ...page, ...letIn, path: '/admin' })).toBe(200);
  expect(await statusOf('judged', { ...other, ...letIn, path: '/admin' })).toBe(403);
  expect(judge.questions.map(({ path }) => path)).toEqual(['/admin', '/admin', '/admin']);
});
