import type { KubeObject } from '../../lib/api/object';
import { findingInFile } from '../../lib/galley/catalogue';
import { complete } from '../../lib/world';
import { MeshSource } from '../../lib/xds/mesh-source';
import { scrapeTargets } from '../../lib/xds/scrape-targets';
import type { ProxyStatus } from '../../lib/xds/status';
import { silent } from './fake-client';

const deployment = (name: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop' },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'app' }] } },
  },
});
const service = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80 }] },
});
const virtualService = (timeout: string): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { hosts: ['web'], http: [{ timeout, route: [{ destination: { host: 'web' } }] }] },
});

const NODE = { id: 'sidecar~198.18.0.9~web.shop~shop.svc.cluster.local' };
const objects = (timeout: string) => [deployment('web'), service('web'), virtualService(timeout)];
const create = () => new MeshSource({ log: silent, complete, now: () => 0 });

describe('a mesh as the source of snapshots', () => {
  it('waits for objects', () => {
    const source = create();
    expect(source.configuration).toEqual({ state: 'waiting', generation: 0, objects: 0 });
    expect(source.snapshot(NODE)).toBeUndefined();
  });

  it('translates for proxies that the World knows', () => {
    const source = create();
    source.update(objects('1s'));
    expect(source.snapshot(NODE)?.clusters.map(({ name }) => name)).toContain(
      'outbound|80||web.shop.svc.cluster.local',
    );
    expect(source.snapshot({ id: 'sidecar~198.18.0.9~nobody.shop~shop.svc.cluster.local' })).toBeUndefined();
    expect(source.configuration).toMatchObject({ state: 'current', generation: 1, since: '1970-01-01T00:00:00.000Z' });
  });

  it('tells of each change, until nobody listens', () => {
    const source = create();
    let changes = 0;
    const stop = source.subscribe(() => changes++);
    source.update(objects('1s'));
    source.update(objects('2s'));
    stop();
    source.update(objects('3s'));
    expect(changes).toBe(2);
  });

  it('gives the very same snapshot while nothing has changed for the proxy', () => {
    const source = create();
    source.update(objects('1s'));
    const before = source.snapshot(NODE);
    source.update(objects('1s'));
    expect(source.snapshot(NODE)).toBe(before);
  });

  it('leaves the last good version of an object in force and says so', () => {
    const source = create();
    source.update(objects('1s'));
    const before = JSON.stringify(source.snapshot(NODE)!.routes.map(({ message }) => message));
    source.update(objects('soon'));
    expect(JSON.stringify(source.snapshot(NODE)!.routes.map(({ message }) => message))).toBe(before);
    expect(source.configuration.state).toBe('stale');
    expect(source.findings[0]).toMatchObject({ level: 'error', resource: 'VirtualService shop/web' });
  });

  it('keeps everything when the objects cannot be taken in at all', () => {
    let isBroken = false;
    const source = new MeshSource({
      log: silent,
      complete(given) {
        if (isBroken) throw new Error('no addresses');
        return complete(given);
      },
    });
    source.update(objects('1s'));
    const before = source.snapshot(NODE);
    isBroken = true;
    source.update(objects('2s'));
    expect(source.snapshot(NODE)).toBe(before);
    expect(source.findings).toMatchObject([{ code: 'MAL0016', message: 'no addresses' }]);
    expect(source.configuration).toMatchObject({ state: 'stale', generation: 1 });
  });

  it('passes on what was found while reading', () => {
    const source = create();
    source.update([], [findingInFile('a.yaml', 3, 'MAL0011', { message: 'no yaml' })]);
    expect(source.findings).toMatchObject([{ code: 'MAL0011', file: 'a.yaml', line: 3 }]);
  });

  it('analyzes what is in force', () => {
    const source = create();
    source.update([deployment('web'), virtualService('1s')]);
    expect(source.analysis()).toMatchObject([{ code: 'IST0101', resource: 'VirtualService shop/web' }]);
  });
});

describe('scrape targets', () => {
  const proxy = (id: string) => ({ node: { id } }) as ProxyStatus;

  it('are the proxies, once each, with what names their workload', () => {
    const labels = { app: 'web', version: 'v1', 'pod-template-hash': 'x' };
    expect(scrapeTargets([proxy(NODE.id), proxy(NODE.id), proxy('odd')], () => labels)).toEqual([
      {
        targets: ['198.18.0.9:15090'],
        labels: {
          pod: 'web',
          namespace: 'shop',
          container: 'istio-proxy',
          proxy_type: 'sidecar',
          app: 'web',
          version: 'v1',
        },
      },
    ]);
  });

  it('prefer the canonical labels, and write IPv6 in brackets', () => {
    const labels = { app: 'x', 'service.istio.io/canonical-name': 'web' };
    const [target] = scrapeTargets([proxy('router~fd00::1~edge.shop~shop.svc.cluster.local')], () => labels);
    expect(target).toMatchObject({
      targets: ['[fd00::1]:15090'],
      labels: { app: 'web', container: 'istio-proxy', proxy_type: 'router' },
    });
  });
});
