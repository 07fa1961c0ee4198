/** The page that Prometheus scrapes: a real Envoy rewrites what its administration says. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { any } from '../../lib/envoy/message';
import { EnvoyResource } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { namesFilter } from '../../lib/injector/metrics-listener';
import { PACKED_LABEL, packedValues, packedWorkload } from '../../lib/world';
import { parsePage } from '../envoy/scrape';
import { type RunningEnvoy, startStaticEnvoy } from '../pilot/static-envoy';

jest.setTimeout(60_000);

const ADDRESS = '127.89.0.1';
const PORT = 15090;

describe('the metrics page', () => {
  let administration: Server;
  let envoy: RunningEnvoy;
  let stats = '';

  beforeAll(async () => {
    administration = createServer((_, response) => response.end(stats));
    await new Promise<void>((resolve) => administration.listen(0, '127.0.0.1', resolve));
    const address = (host: string, port_value: number) => ({ socket_address: { address: host, port_value } });
    const { port } = administration.address() as AddressInfo;
    const endpoint = { endpoint: { address: address('127.0.0.1', port) } };
    const cluster = {
      name: 'administration',
      type: 'STATIC',
      load_assignment: { cluster_name: 'administration', endpoints: [{ lb_endpoints: [endpoint] }] },
    };
    const { '@type': _, ...lua } = namesFilter().typed_config as unknown as Record<string, unknown>;
    const manager = {
      stat_prefix: 'metrics',
      route_config: {
        virtual_hosts: [
          { name: 'page', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'administration' } }] },
        ],
      },
      http_filters: [
        { name: 'names', typed_config: any('envoy.extensions.filters.http.lua.v3.Lua', lua) },
        { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
      ],
    };
    const typed_config = any(
      'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      manager,
    );
    const listener = {
      name: 'metrics',
      address: address(ADDRESS, PORT),
      filter_chains: [{ filters: [{ name: 'manager', typed_config }] }],
    };
    envoy = await startStaticEnvoy({
      listeners: [new EnvoyResource(TypeUrl.listener, listener.name, listener)],
      clusters: [new EnvoyResource(TypeUrl.cluster, cluster.name, cluster)],
      endpoints: [],
      routes: [],
      scopes: [],
      secrets: [],
    });
  });
  afterAll(async () => {
    await envoy?.stop();
    administration.close();
  });

  /** The labels of the one series, when Envoy has packed them so. */
  const labelsOf = async (packed: string, others = '') => {
    stats = `# TYPE envoy_istio_requests_total counter\nenvoy_istio_requests_total{${PACKED_LABEL}="${packed}"${others}} 7\n`;
    const page = await (await fetch(`http://${ADDRESS}:${PORT}/`)).text();
    expect(page).toContain('# TYPE istio_requests_total counter\n');
    const [series] = parsePage(page);
    expect(series).toMatchObject({ name: 'istio_requests_total', value: 7 });
    return series!.labels;
  };

  test('takes packed labels apart, beside those that were not packed', async () => {
    const web = packedWorkload({ workload: 'web-v1', workload_namespace: 'shop', app: 'web', cluster: 'Kubernetes' });
    expect(await labelsOf(`reporter=source;destination=${web};response_flags=-`, ',team="a;b=c"')).toEqual({
      reporter: 'source',
      destination_workload: 'web-v1',
      destination_workload_namespace: 'shop',
      destination_app: 'web',
      destination_version: 'unknown',
      destination_cluster: 'Kubernetes',
      destination_canonical_service: 'unknown',
      destination_canonical_revision: 'unknown',
      response_flags: '-',
      team: 'a;b=c',
    });
  });

  test('says unknown for all of a group that Envoy knows nothing of', async () => {
    expect(await labelsOf('service=-;destination_principal=-')).toEqual({
      destination_service: 'unknown',
      destination_service_name: 'unknown',
      destination_service_namespace: 'unknown',
      destination_principal: 'unknown',
    });
  });

  test('reads the namespace of a caller from its principal, and takes no other form for one', async () => {
    const principal = 'spiffe://cluster.local/ns/shop/sa/web';
    expect(await labelsOf(`caller=${principal}`)).toEqual({
      source_principal: principal,
      source_workload_namespace: 'shop',
    });
    const several = `${principal},spiffe://cluster.local/ns/admin/sa/root`;
    expect(await labelsOf(`caller=${several}`)).toMatchObject({ source_workload_namespace: 'unknown' });
    expect(await labelsOf('caller=')).toEqual({ source_principal: 'unknown', source_workload_namespace: 'unknown' });
  });

  test('leaves out what is to be left out', async () => {
    const labels = await labelsOf('!source_app;peer=web-v1,web,v1,web,v1');
    expect(Object.keys(labels).sort()).toEqual([
      'source_canonical_revision',
      'source_canonical_service',
      'source_version',
      'source_workload',
    ]);
  });

  test('gives back whatever was packed, in labels that Prometheus can read', async () => {
    const values = ['a,b;c=d', '50 % "of" \\it', 'two\nlines'];
    expect(await labelsOf(`service=${packedValues(values)}`)).toEqual({
      destination_service: values[0],
      destination_service_name: values[1],
      destination_service_namespace: values[2],
    });
  });

  test('names a label once, as Prometheus asks', async () => {
    stats = `envoy_istio_requests_total{${PACKED_LABEL}="source_app=a;peer=w,b,v,s,r;source_app=c"} 1\n`;
    const page = await (await fetch(`http://${ADDRESS}:${PORT}/`)).text();
    expect(page.match(/source_app="/g)).toHaveLength(1);
    expect(page).toContain('source_app="a"');
  });
});
