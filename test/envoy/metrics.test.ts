/** The metrics of the mesh, as the proxies of a running one show them where they are scraped. */
import { request } from 'node:http';
import { HTTP_SERIES } from '../../lib/graph/series-budget';
import { type RunningMesh, up } from '../../lib/local';
import { captures } from './captures';
import { gateway, ManifestFolder, namespace, service, virtualService } from './manifests';
import { requests } from './pod-client';
import { page, type Series, scrape } from './scrape';

jest.setTimeout(90_000);

/** Of every workload of this mesh: none has an account of its own. */
const PRINCIPAL = 'spiffe://cluster.local/ns/shop/sa/default';

describe.each(captures)('metrics of a mesh in %s capture', (capture) => {
  let folder: ManifestFolder;
  let mesh: RunningMesh;

  beforeAll(async () => {
    const entry = { hosts: ['www.shop.localhost'], gateways: ['edge'] };
    folder = new ManifestFolder({
      'all.yaml': [
        namespace('shop'),
        ...service('web', ['v1', 'v2']),
        ...service('client', ['v1']),
        ...service('hostile', ['v1']),
        ...gateway(),
        virtualService('entry', [{ route: [{ destination: { host: 'web.shop.svc.cluster.local' } }] }], entry),
      ],
    });
    mesh = await up({ dir: folder.path, capture, port: 0 });
    await requests(mesh, 'client-v1.shop', [{ url: 'http://web/', count: 20 }]);
  });
  afterAll(async () => {
    await mesh?.stop();
    folder.remove();
  });

  test('of a client name both ends, with nothing left unknown but what the server tells', async () => {
    const counts = (await scrape(mesh, 'client-v1.shop')).filter(({ name }) => name === 'istio_requests_total');
    expect(sum(counts)).toBe(20);
    const versions = ['v1', 'v2'].map((version) =>
      counts.filter(({ labels }) => labels.destination_workload === `web-${version}`),
    );
    expect(versions.map((of) => of.length)).toEqual([1, 1]);
    expect(versions[0]![0]!.labels).toEqual({
      reporter: 'source',
      source_workload: 'client-v1',
      source_workload_namespace: 'shop',
      source_principal: PRINCIPAL,
      source_app: 'client',
      source_version: 'v1',
      source_cluster: 'Kubernetes',
      source_canonical_service: 'client',
      source_canonical_revision: 'v1',
      destination_workload: 'web-v1',
      destination_workload_namespace: 'shop',
      destination_principal: PRINCIPAL,
      destination_app: 'web',
      destination_version: 'v1',
      destination_cluster: 'Kubernetes',
      destination_canonical_service: 'web',
      destination_canonical_revision: 'v1',
      destination_service: 'web.shop.svc.cluster.local',
      destination_service_name: 'web',
      destination_service_namespace: 'shop',
      request_protocol: 'http',
      response_code: '200',
      response_flags: '-',
      connection_security_policy: 'unknown',
    });
  });

  test('are as many for each kind of answer as the budget of synthesis says', async () => {
    const of = (all: readonly Series[]) =>
      all.filter(({ name, labels }) => name.startsWith('istio_') && labels.destination_workload === 'web-v1');
    expect(of(await scrape(mesh, 'client-v1.shop')).length).toBe(HTTP_SERIES);
    expect(of(await scrape(mesh, 'web-v1.shop')).length).toBe(HTTP_SERIES);
  });

  test('of a server name its own side, and believe a caller by its certificate and its own proxy alone', async () => {
    const forged = { 'x-malha-peer': FORGED, host: 'web' };
    await requests(mesh, 'hostile-v1.shop', [{ url: 'http://web/', count: 5, headers: forged }]);
    const pages = await Promise.all(['web-v1.shop', 'web-v2.shop'].map((pod) => scrape(mesh, pod)));
    const counts = pages
      .flat()
      .filter(({ name, labels }) => name === 'istio_requests_total' && labels.reporter === 'destination');
    expect(sum(counts)).toBe(25);
    for (const { labels } of counts) {
      expect(labels).toMatchObject({
        source_workload: expect.stringMatching(/^(client|hostile)-v1$/),
        source_app: expect.stringMatching(/^(client|hostile)$/),
        source_workload_namespace: 'shop',
        source_principal: PRINCIPAL,
        destination_workload: expect.stringMatching(/^web-v[12]$/),
        destination_workload_namespace: 'shop',
        destination_app: 'web',
        destination_service: 'web.shop.svc.cluster.local',
        destination_service_name: 'web',
        connection_security_policy: 'mutual_tls',
      });
    }
  });

  test('keep what a sidecar says of its workload from applications that must not believe it', async () => {
    const [reply] = await requests(mesh, 'client-v1.shop', [
      { url: 'http://web/', headers: { 'x-malha-peer': FORGED } },
    ]);
    expect(reply!.status).toBe(200);
    expect(Object.keys(reply!.echo!.headers)).not.toContain('x-malha-peer');
  });

  test('have no series more, whatever paths, hosts, methods and agents come to a gateway', async () => {
    const send = (path: string, headers: Record<string, string>, method = 'GET') =>
      new Promise<void>((resolve, reject) => {
        const target = { host: '127.0.0.1', port: new URL(mesh.url!).port, path, method, headers, agent: false };
        request(target, (response) => response.resume().on('end', resolve))
          .on('error', reject)
          .end();
      });
    const host = 'www.shop.localhost';
    for (let i = 0; i < 10; i++) {
      await send('/', { host });
      await send('/', { host: 'elsewhere.example' });
    }
    const before = await scrape(mesh, 'edge.shop');
    for (let i = 0; i < 50; i++) {
      const labels = `"} 1\\n${i}`.replace('\\n', '');
      await send(`/${i}?x=${encodeURIComponent(labels)}`, { host, 'user-agent': labels, 'x-malha-peer': `p${i}` });
      await send(`/${i}`, { host: `h${i}.example`, 'content-type': `text/${i}` }, i % 2 ? 'DELETE' : 'PUT');
    }
    const after = await scrape(mesh, 'edge.shop');
    const requestsIn = (all: readonly Series[]) => all.filter(({ name }) => name === 'istio_requests_total');
    expect(requestsIn(after).map(({ labels }) => labels)).toEqual(requestsIn(before).map(({ labels }) => labels));
    expect(after.length).toBe(before.length);
    expect(sum(requestsIn(after))).toBe(120);
  });

  test('are nearly all that a scrape costs', async () => {
    const lines = (await page(mesh, 'client-v1.shop')).split('\n');
    const others = lines.filter((line) => !/^(# TYPE )?istio_/.test(line)).join('\n');
    expect(others).not.toContain('istio_');
    expect(others).toContain('envoy_server_live');
    expect(others.length).toBeLessThan(60_000);
  });
});

/** A header as a sidecar would send it: a workload `admin`. */
const FORGED = 'admin,admin,v1,admin,v1';

function sum(series: readonly Series[]): number {
  return series.reduce((total, { value }) => total + value, 0);
}
