/** Which connections a port takes whose Sidecar has TLS for clients beyond the mesh, by the mode of mutual TLS there. */
import type { KubeObject } from '../../lib/api/object';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { Translator } from '../../lib/pilot';
import { MESH_ALPN } from '../../lib/pilot/mesh-tls';
import { complete, proxyNamed, World } from '../../lib/world';

const server: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'server', namespace: 'shop', labels: { app: 'server' } },
  spec: {
    serviceAccountName: 'server',
    containers: [{ name: 'app' }],
    volumes: [{ name: 'malha-identity', projected: { sources: [{ podCertificate: {} }] } }],
  },
};
const mode = (mtls: string): KubeObject => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'default', namespace: 'shop' },
  spec: { mtls: { mode: mtls } },
});
const sidecar = (protocol: string): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Sidecar',
  metadata: { name: 'server', namespace: 'shop' },
  spec: {
    workloadSelector: { labels: { app: 'server' } },
    ingress: [
      {
        port: { number: 8443, protocol, name: 'web' },
        defaultEndpoint: '127.0.0.1:8080',
        tls: { mode: 'SIMPLE', serverCertificate: '/certs/tls.crt', privateKey: '/certs/tls.key' },
      },
    ],
  },
});

type Tls = envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext;

/** Of each chain of the port: what it takes, whose TLS ends there, and what reads it. */
function chains(protocol: string, mtls: string) {
  const world = World.of(complete([server, mode(mtls), sidecar(protocol)]));
  const { listeners } = new Translator().snapshot(world, proxyNamed(world, 'server.shop')!);
  const inbound = listeners.find(({ name }) => name === 'virtualInbound')!.message as envoy.config.listener.v3.Listener;
  return inbound
    .filter_chains!.filter(({ filter_chain_match: match }) => match?.destination_port === 8443)
    .map(({ filter_chain_match: match, transport_socket: socket, filters }) => ({
      takes: [match?.transport_protocol, match?.application_protocols].filter(Boolean),
      tls: socket ? tlsOf(socket.typed_config as Tls) : 'none',
      reads: filters!.at(-1)!.name?.split('.').at(-1),
    }));
}

function tlsOf({ common_tls_context: { tls_certificates: files } = {} }: Tls): string {
  return files ? String(files[0]?.certificate_chain?.filename) : 'mesh';
}

const mesh = { tls: 'mesh', reads: 'http_connection_manager' };
const own = { tls: '/certs/tls.crt', reads: 'http_connection_manager' };

test.each([
  ['DISABLE', 'only that TLS', [{ takes: [], ...own }]],
  [
    'PERMISSIVE',
    'the mesh’s and that TLS, never plaintext',
    [
      { takes: ['tls', MESH_ALPN], ...mesh },
      { takes: ['tls'], ...own },
    ],
  ],
  ['STRICT', 'only the mesh’s', [{ takes: ['tls'], ...mesh }]],
])('where mutual TLS is %s, a port with TLS of its own takes %s', (mtls, _what, expected) => {
  expect(chains('HTTPS', mtls)).toEqual(expected);
});

test('within TLS of a port that is not declared for HTTPS there are bytes', () => {
  expect(chains('TLS', 'DISABLE')).toEqual([{ takes: [], tls: '/certs/tls.crt', reads: 'tcp_proxy' }]);
});
