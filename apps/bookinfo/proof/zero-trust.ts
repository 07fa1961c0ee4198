/** That nobody talks without an identity, and nobody to whom it was not said to: by metrics of the servers, and by trying. */
import { get } from 'node:http';
import type { RunningMesh } from '../../../lib/local';
import { type Line, number } from './line';

/** Hops by what the servers' own proxies have counted: `productpage-v1 → reviews-v2`, and how each connection was secured. */
export async function mutualTlsLine(mesh: RunningMesh): Promise<Line> {
  const hops = new Map<string, Map<string, number>>();
  const sidecars = mesh.plan.pods.filter(({ role }) => role === 'sidecar');
  for (const { id } of sidecars) {
    for (const { hop, security, count } of countedAt(await metricsOf(mesh, id))) {
      const counts = hops.get(hop) ?? new Map<string, number>();
      hops.set(hop, counts.set(security, (counts.get(security) ?? 0) + count));
    }
  }
  const plain = [...hops].filter(([, counts]) => [...counts.keys()].some((security) => security !== 'mutual_tls'));
  const total = [...hops.values()].flatMap((counts) => [...counts.values()]).reduce((sum, count) => sum + count, 0);
  const seen = `${number(total)} on ${hops.size} hops`;
  return {
    what: 'requests by mutual TLS, by metrics of the servers',
    expected: 'all, on every hop',
    seen: plain.length > 0 ? `in plaintext: ${plain.map(([hop]) => hop).join(', ')}` : `all ${seen}`,
    ok: plain.length === 0 && hops.size >= EXPECTED_HOPS,
  };
}

/** edge to productpage and reviews v3, productpage to details and two versions of reviews, reviews v2 and v3 to ratings. */
const EXPECTED_HOPS = 7;

const REQUESTS = /^(?:envoy_)?istio_requests_total\{(.*)\} (\d+)$/;

function countedAt(page: string): { hop: string; security: string; count: number }[] {
  return page.split('\n').flatMap((line) => {
    const [, text = '', count = '0'] = REQUESTS.exec(line) ?? [];
    const labels = Object.fromEntries([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    if (labels.reporter !== 'destination') return [];
    const hop = `${labels.source_workload} → ${labels.destination_workload}`;
    return [{ hop, security: labels.connection_security_policy ?? '', count: Number(count) }];
  });
}

async function metricsOf(mesh: RunningMesh, pod: string): Promise<string> {
  const { host, port } = await mesh.address(pod, 15090);
  return (await fetch(`http://${host}:${port}/stats/prometheus`)).text();
}

/** A member of the mesh that asks a service which nobody has said it may. */
export async function undeclaredLine(
  mesh: RunningMesh,
  from: string,
  service: string,
  expected?: number,
): Promise<Line> {
  const { stdout, stderr } = await mesh.exec(from, [process.execPath, '-e', ASK, `${service}:9080`]);
  return {
    what: `GET ${service} from ${from.split('.')[0]}, which nobody has declared`,
    expected: `status ${expected}`,
    seen: stdout.trim() || stderr.trim().split('\n')[0]!,
    ok: expected === 403 && stdout.trim() === 'status 403',
  };
}

/** As an application asks: by its HTTP proxy where it has one. */
const ASK = `
const authority = process.argv[1];
const proxy = process.env.HTTP_PROXY && new URL(process.env.HTTP_PROXY);
const [host, port] = authority.split(':');
const target = proxy ? { host: proxy.hostname, port: proxy.port, path: 'http://' + authority + '/' } : { host, port, path: '/' };
require('node:http').get({ ...target, headers: { host: authority } }, (response) => {
  console.log('status ' + response.statusCode);
  response.resume();
}).on('error', (error) => console.log(error.message));
`;

/** Somebody on the network of the Pods who has no certificate. */
export async function strangerLine(mesh: RunningMesh, pod: string): Promise<Line> {
  const { host, port } = await mesh.address(pod, 9080);
  const seen = await new Promise<string>((resolve) => {
    get({ host, port, path: '/', timeout: 5000, agent: false }, (response) => {
      response.resume();
      resolve(`status ${response.statusCode}`);
    })
      .on('timeout', () => resolve('no answer'))
      .on('error', () => resolve('the connection is refused'));
  });
  const expected = 'the connection is refused';
  return { what: `GET ${pod.split('-')[0]} without a certificate`, expected, seen, ok: seen === expected };
}
