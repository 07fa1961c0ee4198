/** What policies do to requests, in a real Envoy, with identities that mutual TLS has proven. */
import type { AuthorizationPolicySpec } from '../../../lib/api';
import type { KubeObject } from '../../../lib/api/object';
import { type Ask, NAMESPACE, PolicedEnvoy, type Ports } from './policed-envoy';

const PAGE = 'spiffe://cluster.local/ns/shop/sa/page';
const JOB = 'spiffe://cluster.local/ns/batch/sa/job.v1';
const OLD = 'spiffe://old.example/ns/shop/sa/page';
const ROOT = 'istio-system';

interface Mesh {
  readonly policies: readonly (AuthorizationPolicySpec & { in?: string; dryRun?: boolean })[];
  readonly config?: string;
}

type Row = [claim: string, mesh: Mesh, allowed: readonly Ask[], refused: readonly Ask[]];

const allow = (...rules: NonNullable<AuthorizationPolicySpec['rules']>): Mesh => ({ policies: [{ rules }] });
const deny = (...rules: NonNullable<AuthorizationPolicySpec['rules']>): Mesh => ({
  policies: [{ action: 'DENY', rules }],
});
const from = (source: object) => ({ from: [{ source }] });
const to = (operation: object) => ({ to: [{ operation }] });
const when = (key: string, values: string[], notValues: string[] = []) => ({ when: [{ key, values, notValues }] });
const GET: Ask = {};
const TCP: Ask = { tcp: true };
const page: Ask = { identity: PAGE };
const job: Ask = { identity: JOB };
const old: Ask = { identity: OLD };

const rows: Row[] = [
  ['without a policy everyone may', { policies: [] }, [GET, page, TCP], []],
  ['an empty policy refuses everything', { policies: [{}] }, [], [GET, page, TCP]],
  ['an empty rule lets everything pass', allow({}), [GET, page, TCP], []],
  ['an empty rule of DENY refuses everything', deny({}), [], [GET, page, TCP]],
  ['DENY without rules refuses nothing', deny(), [GET, TCP], []],
  [
    'DENY goes before ALLOW',
    { policies: [{ rules: [{}] }, { action: 'DENY', rules: [to({ methods: ['DELETE'] })] }] },
    [GET],
    [{ method: 'DELETE' }],
  ],
  [
    'one ALLOW of several is enough, also of the root namespace',
    { policies: [{ in: ROOT }, { rules: [from({ principals: ['cluster.local/ns/shop/sa/page'] })] }] },
    [page, { ...page, tcp: true }],
    [GET, job, TCP],
  ],
  [
    'a policy of another namespace, or for other labels, means nothing here',
    { policies: [{ in: 'elsewhere' }, { selector: { matchLabels: { app: 'other' } } }] },
    [GET],
    [],
  ],
  [
    'a policy on trial refuses nothing',
    { policies: [{ dryRun: true }, { dryRun: true, action: 'DENY', rules: [{}] }] },
    [GET, TCP],
    [],
  ],
  [
    'CUSTOM refuses what nobody can be asked about',
    { policies: [{ action: 'CUSTOM', provider: { name: 'nobody' }, rules: [to({ paths: ['/asked'] })] }] },
    [{ path: '/else' }],
    [{ path: '/asked' }, TCP],
  ],
  ['AUDIT refuses nothing', { policies: [{ action: 'AUDIT', rules: [{}] }] }, [GET, TCP], []],

  ['principals', allow(from({ principals: ['cluster.local/ns/shop/sa/page'] })), [page], [GET, job]],
  ['principals by prefix', allow(from({ principals: ['cluster.local/ns/batch/*'] })), [job], [GET, page]],
  [
    'principals by suffix, on HTTP and TCP',
    allow(from({ principals: ['*/sa/page'] })),
    [page, { ...page, tcp: true }],
    [GET, job, TCP],
  ],
  ['any principal', allow(from({ principals: ['*'] })), [page, job], [GET, { sni: 'x' }]],
  ['no such principal', allow(from({ notPrincipals: ['cluster.local/ns/shop/sa/page'] })), [GET, job], [page]],
  ['namespaces', allow(from({ namespaces: ['shop'] })), [page], [GET, job]],
  ['namespaces by prefix', allow(from({ namespaces: ['bat*'] })), [job], [GET, page]],
  [
    'a dot in a name stands for a dot',
    allow(from({ serviceAccounts: ['batch/job.v1'] })),
    [job],
    [{ identity: JOB.replace('job.v1', 'jobxv1') }, page],
  ],
  [
    'service accounts without a namespace are of the policy',
    allow(from({ serviceAccounts: ['page'] })),
    [page],
    [GET, { identity: PAGE.replace('/shop/', '/other/') }],
  ],
  ['trust domains', allow(from({ trustDomains: ['old.*'] })), [old], [GET, page]],
  ['addresses', allow(from({ ipBlocks: ['127.9.0.0/16'] })), [{ address: '127.9.1.1' }], [GET]],
  [
    'addresses of the client behind proxies',
    allow(from({ remoteIpBlocks: ['192.0.2.0/24'] })),
    [{ headers: { 'x-forwarded-for': '192.0.2.9' } }],
    [GET, { headers: { 'x-forwarded-for': '192.0.2.9, 198.51.100.1' } }],
  ],
  ['methods', allow(to({ methods: ['P*'] })), [{ method: 'POST' }, { method: 'PUT' }], [GET]],
  [
    'paths',
    allow(to({ paths: ['/a', '/b/*', '*.png'] })),
    [{ path: '/a' }, { path: '/a?b' }, { path: '/b/c' }, { path: '/x.png' }],
    [{ path: '/a/' }, { path: '/b' }, { path: '/x.png/' }],
  ],
  [
    'path templates',
    allow(to({ paths: ['/user/{*}/card', '/files/{**}.txt', '/v1/{**}'] })),
    [{ path: '/user/7/card' }, { path: '/v1/' }, { path: '/v1/a/b' }],
    [{ path: '/user//card' }, { path: '/user/7/8/card' }, { path: '/v1' }],
  ],
  [
    'no such paths',
    deny(to({ notPaths: ['/public/*'] })),
    [{ path: '/public/x' }],
    [{ path: '/x' }, { path: '/public' }],
  ],
  [
    'hosts',
    allow(to({ hosts: ['Shop.Example', '*.internal'] })),
    [{ host: 'shop.example' }, { host: 'SHOP.EXAMPLE' }, { host: 'a.internal' }],
    [{ host: 'shop.example.evil' }, { host: 'internal' }, { host: 'shop.example:8080' }],
  ],
  [
    'headers',
    allow(when('request.headers[X-Team]', ['red', 'blue*'])),
    [{ headers: { 'x-team': 'red' } }, { headers: { 'X-TEAM': 'blueish' } }],
    [GET, { headers: { 'x-team': 'RED' } }, { headers: { 'x-team': '' } }],
  ],
  ['server names', allow(when('connection.sni', ['*.shop'])), [{ sni: 'a.shop' }], [GET, { sni: 'shop' }]],
  [
    'all conditions of a rule, one rule of several',
    allow({ ...from({ principals: ['*/sa/page'] }), ...to({ methods: ['GET'] }) }, to({ paths: ['/open'] })),
    [page, { path: '/open' }],
    [GET, { ...page, method: 'PUT' }],
  ],

  [
    'names of the trust domain and its aliases',
    {
      ...allow(from({ principals: ['cluster.local/ns/shop/sa/page'] })),
      config: 'trustDomain: new.example\ntrustDomainAliases: [old.example]',
    },
    [old, { identity: PAGE.replace('cluster.local', 'new.example') }],
    [page],
  ],

  [
    'on TCP, a rule that looks at HTTP does not allow',
    allow({ ...from({ principals: ['*'] }), ...to({ methods: ['GET'] }) }),
    [page],
    [{ ...page, tcp: true }],
  ],
  [
    'on TCP, a rule that looks at HTTP denies too much',
    deny({ ...from({ principals: ['*/sa/page'] }), ...to({ methods: ['PUT'] }) }),
    [page, job, { ...job, tcp: true }],
    [
      { ...page, method: 'PUT' },
      { ...page, tcp: true },
    ],
  ],
];

function objectsOf({ policies, config }: Mesh): KubeObject[] {
  const configMap = config && {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: ROOT },
    data: { mesh: config },
  };
  return [
    ...(configMap ? [configMap] : []),
    ...policies.map(({ in: namespace = NAMESPACE, dryRun, ...spec }, index) => ({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: `p${index}`, namespace, ...(dryRun && { annotations: { 'istio.io/dry-run': 'true' } }) },
      spec,
    })),
  ];
}

describe('an AuthorizationPolicy', () => {
  let envoy: PolicedEnvoy;

  beforeAll(async () => {
    envoy = await PolicedEnvoy.start([
      ...rows.map(
        ([, mesh]) =>
          () =>
            objectsOf(mesh),
      ),
      withPorts,
    ]);
  }, 60_000);

  afterAll(() => envoy?.stop());

  test.each(rows.map((row, index) => [row[0], index] as const))('%s', async (_, index) => {
    const [, , allowed, refused] = rows[index]!;
    for (const ask of allowed) expect([ask, (await envoy.ask(index, ask)).status]).toEqual([ask, 200]);
    for (const ask of refused) {
      const { status } = await envoy.ask(index, ask);
      expect([ask, status]).toEqual([ask, ask.tcp ? 0 : 403]);
    }
  });

  const withPorts = ({ http, tcp }: Ports, address: string) =>
    objectsOf({
      policies: [
        {
          rules: [
            to({ ports: [String(tcp)] }),
            { ...to({ ports: [String(http)], paths: ['/a'] }), ...when('destination.ip', [address]) },
          ],
        },
      ],
    });

  test('ports are those of the workload, and tell its listeners apart', async () => {
    const last = rows.length;
    expect((await envoy.ask(last, TCP)).status).toBe(200);
    expect((await envoy.ask(last, { path: '/a' })).status).toBe(200);
    expect((await envoy.ask(last, { path: '/b' })).status).toBe(403);
  });
});
