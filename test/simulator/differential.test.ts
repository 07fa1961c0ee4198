import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { EnvoyResource, type Snapshot } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { type Answer, simulate } from '../../lib/simulator';

type Route = envoy.config.route.v3.Route;
type Listener = envoy.config.listener.v3.Listener;
type HeaderMatcher = envoy.config.route.v3.HeaderMatcher;

const says = (name: string, match: Route['match']): Route => ({
  name,
  match,
  direct_response: { status: 200, body: { inline_string: name } },
});

const header = (name: string, matcher: HeaderMatcher): Route =>
  says(name, { prefix: '/header', headers: [{ name: 'x-color', ...matcher }] });

/** One virtual host a concern: each header matcher alone, so that every one of them decides. */
const headerMatchers: Record<string, HeaderMatcher> = {
  exact: { string_match: { exact: 'red' } },
  'exact-any-case': { string_match: { exact: 'RED', ignore_case: true } },
  prefix: { string_match: { prefix: 're' } },
  suffix: { string_match: { suffix: 'ed' } },
  contains: { string_match: { contains: 'e' } },
  regex: { string_match: { safe_regex: { regex: 'r.d|blue' } } },
  present: { present_match: true },
  absent: { present_match: true, invert_match: true },
  'not-exact': { string_match: { exact: 'red' }, invert_match: true },
  'not-exact-or-missing': { string_match: { exact: 'red' }, invert_match: true, treat_missing_header_as_empty: true },
  range: { range_match: { start: -10, end: 10 } },
};

const paths: Route[] = [
  says('exact', { path: '/exact' }),
  says('exact-any-case', { path: '/ANYCASE', case_sensitive: false }),
  says('regex', { safe_regex: { regex: '/regex/[0-9]+' } }),
  says('post', { prefix: '/method', headers: [{ name: ':method', string_match: { exact: 'POST' } }] }),
  says('separated', { path_separated_prefix: '/separated' }),
  says('query', { prefix: '/query', query_parameters: [{ name: 'v', string_match: { exact: '2' } }] }),
  says('query-present', { prefix: '/query', query_parameters: [{ name: 'debug', present_match: true }] }),
  says('both', {
    prefix: '/both',
    headers: [
      { name: 'x-color', string_match: { exact: 'red' } },
      { name: 'x-size', present_match: true },
    ],
  }),
  says('authority', { prefix: '/authority', headers: [{ name: ':authority', string_match: { prefix: 'paths' } }] }),
  {
    name: 'redirect-host',
    match: { prefix: '/redirect/host' },
    redirect: { host_redirect: 'elsewhere.example', response_code: 'FOUND' },
  },
  {
    name: 'redirect-prefix',
    match: { prefix: '/redirect/prefix' },
    redirect: { prefix_rewrite: '/new', port_redirect: 8443, https_redirect: true },
  },
  {
    name: 'redirect-path',
    match: { prefix: '/redirect/path' },
    redirect: { path_redirect: '/here', strip_query: true, response_code: 'PERMANENT_REDIRECT' },
  },
  { name: 'redirect-https', match: { prefix: '/redirect/https' }, redirect: { https_redirect: true } },
  { name: 'rewrite-prefix', match: { prefix: '/old/' }, route: { cluster: 'echo', prefix_rewrite: '/' } },
  {
    name: 'rewrite-exact',
    match: { path: '/whole' },
    route: { cluster: 'echo', prefix_rewrite: '/part', host_rewrite_literal: 'other.example' },
  },
  {
    name: 'rewrite-regex',
    match: { prefix: '/service/' },
    route: {
      cluster: 'echo',
      regex_rewrite: { pattern: { regex: '^/service/([^/]+)(/.*)$' }, substitution: '\\2/instance/\\1' },
    },
  },
  { name: 'unknown-cluster', match: { prefix: '/unknown' }, route: { cluster: 'echo-that-is-not' } },
];

const routeConfiguration: envoy.config.route.v3.RouteConfiguration = {
  name: 'local',
  ignore_port_in_host_matching: true,
  validate_clusters: false,
  virtual_hosts: [
    { name: 'paths', domains: ['paths.example'], routes: paths },
    { name: 'suffix', domains: ['*.example'], routes: [says('suffix', { prefix: '/' })] },
    { name: 'longer-suffix', domains: ['*.b.example'], routes: [says('longer-suffix', { prefix: '/' })] },
    { name: 'dashed', domains: ['*-x.b.example'], routes: [says('dashed', { prefix: '/' })] },
    { name: 'prefix', domains: ['www.*'], routes: [says('prefix', { prefix: '/' })] },
    { name: 'secure', domains: ['secure.test'], require_tls: 'ALL', routes: [says('secure', { prefix: '/' })] },
    ...Object.entries(headerMatchers).map(([name, matcher]) => ({
      name,
      domains: [`${name}.header`],
      routes: [header(name, matcher)],
    })),
  ],
};

interface Case {
  host: string;
  path?: string;
  method?: string;
  headers?: Record<string, string | string[]>;
}

const colors: (string | string[] | undefined)[] = [
  undefined,
  '',
  'red',
  'RED',
  'green',
  'blue',
  '5',
  '10',
  '-11',
  ['red', 'green'],
  ['green', 'red'],
  ['5', 'x'],
  ['x', '5'],
  ['r', 'd'],
];

const cases: Case[] = [
  ...[
    '/exact',
    '/exact?a=b',
    '/exact/',
    '/Exact',
    '/anycase',
    '/AnyCase',
    '/regex/12',
    '/regex/12/',
    '/regex/',
    '/regex/1?q',
  ].map((path) => ({ host: 'paths.example', path })),
  ...['/separated', '/separated/', '/separated/x', '/separatedx', '/separated?x'].map((path) => ({
    host: 'paths.example',
    path,
  })),
  ...[
    '/query',
    '/query?v=2',
    '/query?v=3&v=2',
    '/query?a=1&v=2',
    '/query?debug',
    '/query?debug=',
    '/query?v=%32',
    '/query?V=2',
  ].map((path) => ({ host: 'paths.example', path })),
  { host: 'paths.example', path: '/method', method: 'POST' },
  { host: 'paths.example', path: '/method', method: 'PUT' },
  { host: 'paths.example', path: '/both', headers: { 'X-Color': 'red', 'X-Size': '1' } },
  { host: 'paths.example', path: '/both', headers: { 'X-Color': 'red' } },
  { host: 'paths.example', path: '/authority' },
  ...[
    '/redirect/host?a=1',
    '/redirect/prefix/b?a=1',
    '/redirect/path/b?a=1',
    '/old/a?b',
    '/whole?x=1',
    '/service/foo/v1/api?x',
  ].map((path) => ({ host: 'paths.example', path })),
  { host: 'paths.example', path: '/unknown' },
  ...[
    'PATHS.example',
    'paths.example:8080',
    'a.example',
    'a.b.example',
    '.example',
    'y-x.b.example',
    '-x.b.example',
    'www.test',
    'www.',
    'none.test',
  ].map((host) => ({ host, path: '/exact' })),
  { host: 'paths.example:80', path: '/redirect/https' },
  { host: 'paths.example:8080', path: '/redirect/https' },
  { host: 'secure.test', path: '/x?y=1' },
  { host: 'secure.test:80', path: '/x' },
  ...Object.keys(headerMatchers).flatMap((name) =>
    colors.map((color) => ({
      host: `${name}.header`,
      path: '/header',
      headers: color === undefined ? {} : { 'x-color': color },
    })),
  ),
];

describe('the simulator and a real Envoy', () => {
  let echo: Server;
  let proxy: ChildProcess;
  let folder: string;
  let port: number;
  let snapshot: Snapshot;

  beforeAll(async () => {
    echo = createServer((request, response) => response.end(`${request.headers.host} ${request.url}`));
    await once(echo.listen(0, '127.0.0.1'), 'listening');
    port = await freePort();
    snapshot = resources(port, (echo.address() as AddressInfo).port);
    folder = mkdtempSync(join(tmpdir(), 'malha-simulator-'));
    proxy = await startEnvoy(folder, snapshot);
  }, 60_000);

  afterAll(async () => {
    proxy?.kill();
    if (proxy?.exitCode === null) await once(proxy, 'exit');
    echo?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(cases.map((each) => [describeCase(each), each] as const))('agree on %s', async (_, { host, ...rest }) => {
    const answer = simulate(snapshot, { port, authority: host, ...rest });
    const observed = await send(port, { host, ...rest });

    expect(observed).toEqual(expected(answer, host));
  });

  test('the table takes every route at least once, and some requests nowhere', () => {
    const answers = cases.map(({ host, ...rest }) => simulate(snapshot, { port, authority: host, ...rest }));

    const taken = new Set(
      answers.flatMap((answer) => ('by' in answer ? (answer.by.route ?? answer.by.virtualHost ?? []) : [])),
    );
    const names = routeConfiguration.virtual_hosts!.flatMap(({ routes }) => routes!.map(({ name }) => name!));
    expect(names.filter((name) => !taken.has(name) && name !== 'unknown-cluster')).toEqual([]);
    expect(answers.filter(({ kind }) => kind === 'refusal').length).toBeGreaterThan(20);
  });
});

interface Observed {
  status: number;
  location?: string;
  body?: string;
}

function expected(answer: Answer, host: string): Observed {
  switch (answer.kind) {
    case 'forward':
      return { status: 200, body: `${answer.authority ?? host} ${answer.path}` };
    case 'redirect':
      return { status: answer.status, location: answer.location, body: '' };
    case 'response':
      return { status: answer.status, body: answer.body };
    case 'refusal':
      return { status: answer.status!, body: '' };
  }
}

function describeCase({ host, path, method = 'GET', headers = {} }: Case): string {
  return `${method} ${host}${path} ${JSON.stringify(headers)}`;
}

function send(port: number, { host, path, method, headers }: Case): Promise<Observed> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers: { ...headers, host }, agent: false };
    httpRequest(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => {
        const { location } = response.headers;
        resolve({ status: response.statusCode!, body, ...(location && { location }) });
      });
    })
      .on('error', reject)
      .end();
  });
}

function resources(port: number, echoPort: number): Snapshot {
  const listener: envoy.config.listener.v3.Listener = {
    name: 'table',
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: 'table',
              route_config: routeConfiguration,
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                },
              ],
            },
          },
        ],
      },
    ],
  };
  const cluster: envoy.config.cluster.v3.Cluster = {
    name: 'echo',
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: 'echo',
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: echoPort } } } }],
        },
      ],
    },
  };
  return {
    listeners: [
      new EnvoyResource(TypeUrl.listener, 'table', {
        ...listener,
        address: { socket_address: { address: '0.0.0.0', port_value: port } },
      }),
    ],
    clusters: [new EnvoyResource(TypeUrl.cluster, 'echo', cluster)],
    endpoints: [],
    routes: [],
    scopes: [],
    secrets: [],
  };
}

async function startEnvoy(folder: string, { listeners, clusters }: Snapshot): Promise<ChildProcess> {
  const { path } = await findEnvoy();
  const adminFile = join(folder, 'admin');
  const local = listeners.map(({ message }) => ({
    ...message,
    address: {
      socket_address: { address: '127.0.0.1', port_value: (message as Listener).address?.socket_address?.port_value },
    },
  }));
  const config = {
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    static_resources: { listeners: local, clusters: clusters.map(({ message }) => message) },
  };
  writeFileSync(join(folder, 'envoy.json'), JSON.stringify(config));
  const args = [
    '-c',
    join(folder, 'envoy.json'),
    '--use-dynamic-base-id',
    '--concurrency',
    '1',
    '--admin-address-path',
    adminFile,
  ];
  const envoyProcess = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  envoyProcess.stderr!.on('data', (chunk) => {
    log += chunk;
  });
  for (let attempt = 0; attempt < 200; attempt++) {
    if (envoyProcess.exitCode !== null) break;
    if (log.includes('starting main dispatch loop') && readFileSync(adminFile, 'utf8')) return envoyProcess;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`envoy did not start:\n${log}`);
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
