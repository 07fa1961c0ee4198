/**
 * A real Envoy that calls a peer and is called by it over mutual TLS, and that gets its clusters over TLS from the control
 * plane with the same credential; all from files that it watches.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MutualEnvoyOptions {
  readonly envoy: string;
  readonly directory: string;
  readonly nodeId: string;
  readonly credentials: { readonly bundle: string; readonly trustBundle: string; readonly directory: string };
  /** Plain HTTP in, for the peer. */
  readonly outboundPort: number;
  /** Mutual TLS in, answered with `ok`. */
  readonly inboundPort: number;
  readonly peer: { readonly port: number; readonly identity: string };
  readonly controlPlane: { readonly port: number; readonly serverName: string };
}

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
const HTTP = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
const PROTOCOL = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export class MutualEnvoy {
  private process?: ChildProcess;
  log = '';

  constructor(private readonly options: MutualEnvoyOptions) {}

  start(): void {
    const { envoy } = this.options;
    const args = ['--config-yaml', JSON.stringify(this.bootstrap()), '--use-dynamic-base-id', '--concurrency', '1'];
    this.process = spawn(envoy, [...args, '-l', 'warning', '--drain-time-s', '1'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.process.stderr!.on('data', (text) => {
      this.log = (this.log + text).slice(-20_000);
    });
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.process!.once('exit', resolve));
    this.process!.kill('SIGTERM');
    await exited;
  }

  private bootstrap(): object {
    const { nodeId, outboundPort, inboundPort, peer, controlPlane, credentials } = this.options;
    const watched_directory = { path: credentials.directory };
    const own = this.secretFile('default', {
      tls_certificate: {
        certificate_chain: { filename: credentials.bundle },
        private_key: { filename: credentials.bundle },
        watched_directory,
      },
    });
    const roots = this.secretFile('ROOTCA', {
      validation_context: { trusted_ca: { filename: credentials.trustBundle }, watched_directory },
    });
    const context = (name: { san_type: string; matcher: { exact: string } }) => ({
      tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: own }],
      combined_validation_context: {
        default_validation_context: { match_typed_subject_alt_names: [name] },
        validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: roots },
      },
    });
    const upstream = (name: Parameters<typeof context>[0], sni?: string) => ({
      name: 'tls',
      typed_config: { '@type': `${TLS}.UpstreamTlsContext`, sni, common_tls_context: context(name) },
    });
    const peerName = { san_type: 'URI', matcher: { exact: peer.identity } };
    return {
      node: { id: nodeId, cluster: 'drill' },
      dynamic_resources: {
        ads_config: {
          api_type: 'DELTA_GRPC',
          transport_api_version: 'V3',
          set_node_on_first_message_only: true,
          grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
        },
        cds_config: { ads: {}, resource_api_version: 'V3' },
      },
      static_resources: {
        listeners: [
          listener('outbound', outboundPort, { match: { prefix: '/' }, route: { cluster: 'peer', timeout: '5s' } }),
          {
            ...listener('inbound', inboundPort, {
              match: { prefix: '/' },
              direct_response: { status: 200, body: { inline_string: 'ok' } },
            }),
            transport: {
              name: 'tls',
              typed_config: {
                '@type': `${TLS}.DownstreamTlsContext`,
                require_client_certificate: true,
                common_tls_context: context(peerName),
              },
            },
          },
        ].map(({ transport, ...rest }: Record<string, unknown>) => withTransport(rest, transport)),
        clusters: [
          // Few requests for a connection, so that there are handshakes at every moment of the rotation.
          { ...cluster('peer', peer.port, { max_requests_per_connection: 5 }), transport_socket: upstream(peerName) },
          {
            ...cluster('xds-grpc', controlPlane.port, {}, { http2_protocol_options: {} }),
            transport_socket: upstream(
              { san_type: 'DNS', matcher: { exact: controlPlane.serverName } },
              controlPlane.serverName,
            ),
          },
        ],
      },
    };
  }

  /** A secret as SDS reads it from a file. */
  private secretFile(name: string, secret: object): object {
    const path = join(this.options.directory, `${name}.json`);
    const resource = { '@type': `${TLS}.Secret`, name, ...secret };
    writeFileSync(path, JSON.stringify({ resources: [resource] }));
    return { path_config_source: { path }, resource_api_version: 'V3' };
  }
}

function listener(name: string, port: number, route: object): Record<string, unknown> {
  const manager = {
    '@type': HTTP,
    stat_prefix: name,
    route_config: { virtual_hosts: [{ name, domains: ['*'], routes: [route] }] },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': ROUTER } }],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  return { name, address: socketAddress(port), filter_chains: [{ filters }] };
}

function withTransport({ filter_chains, ...rest }: Record<string, unknown>, transport: unknown): object {
  const [chain] = filter_chains as [object];
  return { ...rest, filter_chains: [transport ? { ...chain, transport_socket: transport } : chain] };
}

function cluster(name: string, port: number, common: object, explicit: object = { http_protocol_options: {} }): object {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
    },
    typed_extension_protocol_options: {
      [PROTOCOL]: {
        '@type': `type.googleapis.com/${PROTOCOL}`,
        common_http_protocol_options: common,
        explicit_http_config: explicit,
      },
    },
  };
}

const socketAddress = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
