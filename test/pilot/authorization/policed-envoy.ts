/**
 * One real Envoy with many sidecars' inbound listeners, each behind the policies of its own mesh, as the translator
 * makes them. Callers may come with a certificate or without, so that identities are what mutual TLS proves.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import type { KubeObject } from '../../../lib/api/object';
import { Authority, type Leaf } from '../../../lib/citadel/authority';
import type { envoy } from '../../../lib/envoy/generated/envoy';
import { any } from '../../../lib/envoy/message';
import { EnvoyResource, type Snapshot } from '../../../lib/envoy/resource';
import { TypeUrl } from '../../../lib/envoy/type-url';
import { Translator } from '../../../lib/pilot';
import { type Proxy, proxyNamed, World } from '../../../lib/world';
import { pod, service } from '../../world/sample';
import { EchoServer } from '../echo-server';
import { type RunningEnvoy, startStaticEnvoy } from '../static-envoy';

type Listener = envoy.config.listener.v3.Listener;
type Cluster = envoy.config.cluster.v3.Cluster;
type FilterChain = envoy.config.listener.v3.FilterChain;

/** The workload that all policies are about. */
export const NAMESPACE = 'shop';
const WORKLOAD = { namespace: NAMESPACE, labels: { app: 'server', version: 'v1' } };

/** What is asked, of the workload of one mesh. */
export interface Ask {
  /** `spiffe://…`; without it the connection is plain. */
  readonly identity?: string;
  readonly sni?: string;
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The address that the caller has. Default 127.0.0.1. */
  readonly address?: string;
  /** Ask the TCP port instead of the HTTP port. */
  readonly tcp?: boolean;
}

/** What came back: the status, or 0 for a connection that was closed. */
export interface Verdict {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

export interface Ports {
  readonly http: number;
  readonly tcp: number;
}

export interface PolicedOptions {
  /** The second number of the addresses, so that tests keep apart. Default 81. */
  readonly network?: number;
  /** Who is behind the policies. Default `shop`, with labels of `server`. */
  readonly workload?: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  /** Addresses of hosts that proxies would ask DNS for. */
  readonly names?: Readonly<Record<string, string>>;
  /** Changes what the translator made of a mesh for its HTTP port. */
  readonly edit?: (manager: Record<string, unknown>, mesh: number) => Record<string, unknown>;
}

export class PolicedEnvoy {
  private readonly leaves = new Map<string, Promise<Leaf>>();

  private constructor(
    private readonly envoy: RunningEnvoy,
    private readonly echo: EchoServer,
    private readonly authority: Authority,
    private readonly addresses: readonly string[],
    readonly ports: Ports,
    readonly snapshots: readonly Snapshot[],
  ) {}

  /** @param meshes what each mesh holds besides the workload; given the ports and its own address. */
  static async start(
    meshes: readonly ((ports: Ports, address: string) => readonly KubeObject[])[],
    options: PolicedOptions = {},
  ): Promise<PolicedEnvoy> {
    const [http, tcp, app] = await Promise.all([freePort(), freePort(), freePort()]);
    const ports = { http: http!, tcp: tcp! };
    const authority = await Authority.selfSigned({ name: 'mesh', clock: () => new Date() });
    const own = await authority.issue({ hosts: ['server.shop'] });
    const echo = await EchoServer.start('server', '127.0.0.1', app!);
    const addresses = meshes.map((_, index) => `127.${options.network ?? 81}.${index >> 8}.${index & 255}`);
    const { workload = WORKLOAD, edit = (manager) => manager } = options;
    const snapshots = meshes.map((mesh, index) =>
      snapshotOf(mesh(ports, addresses[index]!), workload, addresses[index]!, ports),
    );
    const listeners = snapshots.flatMap((snapshot, mesh) =>
      snapshot.listeners
        .filter(({ message }) => (message as Listener).traffic_direction === 'INBOUND')
        .map(({ name, message }) => {
          const edited = withManager(message as Listener, (manager) => edit(manager, mesh));
          return new EnvoyResource(TypeUrl.listener, name, withTls(edited, authority, own));
        }),
    );
    const clusters = new Map(snapshots.flatMap((snapshot) => snapshot.clusters).map((each) => [each.name, each]));
    for (const port of Object.values(ports)) clusters.set(`inbound|${port}||`, appCluster(port, app!));
    const { names = {} } = options;
    const envoy = await startStaticEnvoy({
      listeners,
      clusters: [...clusters.values()].map((each) => resolved(each, names)),
      endpoints: snapshots.flatMap(({ endpoints }) => endpoints),
      routes: [],
      scopes: [],
      secrets: [],
    });
    return new PolicedEnvoy(envoy, echo, authority, addresses, ports, snapshots);
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    this.echo.close();
  }

  address(mesh: number): string {
    return this.addresses[mesh]!;
  }

  /** Asks the workload of a mesh. */
  async ask(mesh: number, ask: Ask): Promise<Verdict> {
    const { identity, sni, method = 'GET', path = '/', host = 'server.shop', headers = {}, address } = ask;
    const leaf = identity === undefined ? undefined : await this.leafOf(identity);
    const options = {
      host: this.address(mesh),
      port: ask.tcp ? this.ports.tcp : this.ports.http,
      method,
      path,
      headers: { host, ...headers } as Record<string, string | string[]>,
      agent: false as const,
      setHost: false,
      localAddress: address,
    };
    return new Promise((resolve) => {
      const closed = () => resolve({ status: 0, body: '', headers: {} });
      const answered = (response: IncomingMessage) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }));
        response.on('error', closed);
      };
      const isTls = leaf !== undefined || sni !== undefined;
      const tls = { servername: sni ?? '', cert: leaf?.certPem, key: leaf?.keyPem, rejectUnauthorized: false };
      const sent = isTls ? httpsRequest({ ...options, ...tls }, answered) : httpRequest(options, answered);
      sent.on('error', closed).end();
    });
  }

  private leafOf(identity: string): Promise<Leaf> {
    let leaf = this.leaves.get(identity);
    if (!leaf) {
      const [trustDomain, , namespace, , serviceAccount] = identity.slice('spiffe://'.length).split('/');
      leaf = this.authority.issue({
        identity: { trustDomain: trustDomain!, namespace: namespace!, serviceAccount: serviceAccount! },
      });
      this.leaves.set(identity, leaf);
    }
    return leaf;
  }
}

function snapshotOf(
  objects: readonly KubeObject[],
  { namespace, labels }: NonNullable<PolicedOptions['workload']>,
  address: string,
  { http, tcp }: Ports,
): Snapshot {
  const ports = [
    { name: 'http', port: http },
    { name: 'tcp', port: tcp },
  ];
  const server = [
    pod('server', namespace, { ...labels }, address),
    service('server', namespace, { ports, selector: { ...labels } }),
  ];
  const world = World.of([...server, ...objects]);
  const translator = new Translator();
  const snapshot = translator.snapshot(world, proxyNamed(world, `server.${namespace}`, { capture: 'NONE' }) as Proxy);
  if (translator.failures.length > 0) throw translator.failures[0]!.error;
  return snapshot;
}

function resolved({ typeUrl, name, message }: EnvoyResource, names: Readonly<Record<string, string>>): EnvoyResource {
  const text = Object.entries(names).reduce(
    (before, [host, address]) => before.replaceAll(`"address":"${host}"`, `"address":"${address}"`),
    JSON.stringify(message),
  );
  return new EnvoyResource(typeUrl, name, JSON.parse(text) as object);
}

function withManager(
  listener: Listener,
  edit: (manager: Record<string, unknown>) => Record<string, unknown>,
): Listener {
  const [chain] = listener.filter_chains!;
  const filters = chain!.filters!.map((filter) => {
    const isManager = filter.name === 'envoy.filters.network.http_connection_manager';
    return isManager ? { ...filter, typed_config: edit(filter.typed_config!) as typeof filter.typed_config } : filter;
  });
  return { ...listener, filter_chains: [{ ...chain, filters }] };
}

/** The same filters for plain connections and for those with TLS, which may show a certificate. */
function withTls(listener: Listener, authority: Authority, own: Leaf): Listener {
  const { filters } = listener.filter_chains![0]!;
  const tls: FilterChain = {
    filter_chain_match: { transport_protocol: 'tls' },
    filters,
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
        require_client_certificate: false,
        common_tls_context: {
          tls_certificates: [
            { certificate_chain: { inline_string: own.certPem }, private_key: { inline_string: own.keyPem } },
          ],
          validation_context: { trusted_ca: { inline_string: authority.certPem } },
        },
      }),
    },
  };
  return {
    ...listener,
    filter_chains: [tls, { filter_chain_match: { transport_protocol: 'raw_buffer' }, filters }],
    listener_filters: [
      {
        name: 'envoy.filters.listener.tls_inspector',
        typed_config: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
      },
    ],
  };
}

function appCluster(port: number, app: number): EnvoyResource {
  const name = `inbound|${port}||`;
  const cluster: Cluster = {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: name,
      endpoints: [
        { lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: app } } } }] },
      ],
    },
  };
  return new EnvoyResource(TypeUrl.cluster, name, cluster);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
