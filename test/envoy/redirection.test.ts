/**
 * The redirection alone, without a control plane: an Envoy with a fixed configuration marks what passes it in either
 * direction, and the marks say which connections the rules have captured.
 */
import { readFileSync } from 'node:fs';
import type { KubeObject } from '../../lib/api/object';
import { chooseCapture, type RunningMesh, up } from '../../lib/local';
import { hasTransparentCapture } from './captures';
import { ManifestFolder } from './manifests';

jest.setTimeout(90_000);

if (!hasTransparentCapture) {
  test('transparent capture is refused where there are no namespaces, with what is missing', async () => {
    await expect(chooseCapture('transparent')).rejects.toThrow(
      /^transparent capture does not work here: .+; use --capture/,
    );
  });
}

(hasTransparentCapture ? describe : withoutNamespaces)('the redirection in a network namespace', () => {
  let folder: ManifestFolder;
  let mesh: RunningMesh;

  beforeAll(async () => {
    folder = new ManifestFolder({
      'all.yaml': [controlPlaneThatIsReady(), ...pod('a'), ...pod('b', ANNOTATIONS)].flat(),
    });
    mesh = await up({ dir: folder.path, capture: 'transparent' });
  });
  afterAll(async () => {
    await mesh?.stop();
    folder.remove();
  });

  const curl = async (from: string, url: string) => {
    const { stdout } = await mesh.exec(`${from}.shop`, [process.execPath, '-e', PRINT_MARKS, url]);
    return JSON.parse(stdout);
  };

  test('leads a call to a Service through the proxies of both sides', async () => {
    expect(await curl('a', 'http://b/')).toEqual({ outbound: 'a', inbound: 'b', pod: 'b' });
  });

  test('leads a call to a Pod address through the proxies of both sides', async () => {
    const { ip } = mesh.plan.pods.find(({ id }) => id === 'b.shop')!;
    expect(await curl('a', `http://${ip}:8080/`)).toEqual({ outbound: 'a', inbound: 'b', pod: 'b' });
  });

  test('leads a call from outside through the proxy of the called side', async () => {
    const { host, port } = await mesh.address('b.shop', 8080);
    const response = await fetch(`http://${host}:${port}/`);
    expect(response.headers.get('x-inbound')).toBe('b');
    expect(response.headers.get('x-outbound')).toBeNull();
  });

  test('leaves a call of an application to itself alone', async () => {
    const { ip } = mesh.plan.pods.find(({ id }) => id === 'a.shop')!;
    expect(await curl('a', `http://${ip}:8080/`)).toEqual({ pod: 'a' });
    expect(await curl('a', 'http://127.0.0.1:8080/')).toEqual({ pod: 'a' });
  });

  test('leaves excluded ports alone', async () => {
    expect(await curl('a', 'http://b:9100/')).toEqual({ outbound: 'a', pod: 'b' });
    expect(await curl('b', 'http://a:9200/')).toEqual({ inbound: 'a', pod: 'a' });
  });

  test('lets what leads nowhere be refused at once, instead of timing out', async () => {
    const { stderr, code } = await mesh.exec('b.shop', [
      process.execPath,
      '-e',
      PRINT_MARKS,
      'http://198.19.0.77:9200/',
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/EHOSTUNREACH|ENETUNREACH|ECONNREFUSED/);
  });

  test('is done for an Envoy that runs as user 1337, and nobody else', async () => {
    const { stdout } = await mesh.exec('a.shop', [
      'sh',
      '-c',
      'for p in /proc/[0-9]*; do echo "$(stat -c %u $p) $(readlink $p/ns/net) $(cat $p/comm)"; done; readlink /proc/self/ns/net',
    ]);
    const lines = stdout.trim().split('\n');
    const own = lines.at(-1)!;
    const users = lines
      .filter((line) => line.includes(own) && line.includes('envoy'))
      .map((line) => line.split(' ')[0]);
    expect(users).toEqual(['1337']);
  });

  test('shows names of Services in the pod only', () => {
    expect(readFileSync('/etc/hosts', 'utf8')).not.toContain('b.shop');
  });
});

/** Not a skipped test: the one above stands in for these. */
function withoutNamespaces(): void {}

/** b's port 9100 is not captured on the way in; the port 9200 is not captured on the way out of b. */
const ANNOTATIONS = {
  'traffic.sidecar.istio.io/excludeInboundPorts': '9100',
  'traffic.sidecar.istio.io/excludeOutboundPorts': '9200',
};

const PRINT_MARKS = `fetch(process.argv[1]).then(async (r) => console.log(JSON.stringify({
  outbound: r.headers.get('x-outbound') ?? undefined, inbound: r.headers.get('x-inbound') ?? undefined, pod: (await r.json()).pod,
}))).catch((e) => { console.error(e.cause?.code); process.exit(1); })`;

function pod(name: string, annotations: Record<string, string> = {}): KubeObject[] {
  const ports = [80, 9100, 9200];
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: {
        selector: { app: name },
        ports: ports.map((port) => ({ name: `p${port}`, port, targetPort: port === 80 ? 8080 : port })),
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'shop', labels: { app: name }, annotations },
      spec: {
        containers: [
          { name: 'app' },
          { name: 'istio-proxy', args: ['--config-yaml', JSON.stringify(marking(name)), '--disable-hot-restart'] },
        ],
      },
    },
  ];
}

/** An Envoy that passes everything on to where it was going, and says so in a header of the response. */
function marking(name: string) {
  const listener = (direction: 'inbound' | 'outbound', port: number) => ({
    name: direction,
    address: address('0.0.0.0', port),
    listener_filters: [
      {
        name: 'envoy.filters.listener.original_dst',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst' },
      },
    ],
    filter_chains: [{ filters: [http(direction, { cluster: direction }, `x-${direction}`, name)] }],
  });
  return {
    static_resources: {
      listeners: [
        listener('outbound', 15001),
        listener('inbound', 15006),
        {
          name: 'ready',
          address: address('0.0.0.0', 15021),
          filter_chains: [{ filters: [http('ready', undefined, 'x-ready', name)] }],
        },
      ],
      clusters: [
        { name: 'outbound', type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' },
        {
          name: 'inbound',
          type: 'ORIGINAL_DST',
          lb_policy: 'CLUSTER_PROVIDED',
          upstream_bind_config: { source_address: { address: '127.0.0.6', port_value: 0 } },
        },
      ],
    },
  };
}

function http(prefix: string, route: { cluster: string } | undefined, header: string, value: string) {
  const answer = route ? { route } : { direct_response: { status: 200 } };
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: prefix,
      route_config: {
        response_headers_to_add: [{ header: { key: header, value } }],
        virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, ...answer }] }],
      },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
        },
      ],
    },
  };
}

function address(host: string, port: number) {
  return { socket_address: { address: host, port_value: port } };
}

function controlPlaneThatIsReady(): KubeObject[] {
  const metadata = { name: 'malha-control-plane', namespace: 'malha-system' };
  // What a control plane is told behind it is none of Node's options.
  const run = `node -e "require('http').createServer((q, r) => r.end()).listen(15014, '$(POD_IP)')" --`;
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app: 'cp' }, ports: [{ name: 'grpc-xds', port: 15010 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels: { app: 'cp' }, annotations: { 'malha.dev/run': run } },
      spec: { containers: [{ name: 'control-plane' }] },
    },
  ] as KubeObject[];
}
