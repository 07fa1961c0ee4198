/** A real Envoy that knows nothing but its control plane, and requests to it. */
import { request } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import type { Variant } from '../../lib/xds/request';

/** A bootstrap with nothing in it but the control plane. */
export function bootstrapOf(variant: Variant, xdsPort: number, id: string): object {
  return {
    node: { id, cluster: 'test' },
    dynamic_resources: {
      ads_config: {
        api_type: variant === 'delta' ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      lds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: {
      clusters: [
        {
          name: 'xds-grpc',
          type: 'STATIC',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'xds-grpc',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: xdsPort } } } },
                ],
              },
            ],
          },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
      ],
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The body, or the error's code. */
export async function get(port: number): Promise<string> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, agent: false }, (response) => {
      let body = '';
      response.on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve(body));
    });
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end();
  });
}

export async function eventually(
  check: () => void | Promise<void>,
  context = () => '',
  milliseconds = 10_000,
): Promise<void> {
  const end = Date.now() + milliseconds;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw new Error(`${(error as Error).message}\n${context()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
