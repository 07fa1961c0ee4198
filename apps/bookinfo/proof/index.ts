/**
 * The proof of `npm start`: requests through the gateway of a running Bookinfo, counted and held against what the
 * simulator says. Nothing here knows a weight or a route; both come from the manifests.
 */
import type { RunningMesh } from '../../../lib/local';
import type { Client } from './client';
import { callLines, syncedLine } from './control-plane';
import { Expectations } from './expectation';
import { countedLine, type Line } from './line';
import { mutualTlsLine, strangerLine, undeclaredLine } from './zero-trust';

export { Client, type Place, type Reply, type Who } from './client';
export { latencyLines } from './latency';
export { bound, countedLine, type Line } from './line';

const GATEWAY = 'edge.bookinfo';
const PAGE = 'productpage-v1.bookinfo';
const DETAILS = 'details-v1.bookinfo';
const RATINGS = 'ratings-v1.bookinfo';
const SPLIT_REQUESTS = 1000;
const ROUTE_REQUESTS = 50;

/** The page that is measured: as this user, whose reviews come from one version that asks for ratings. */
export const TESTER = { 'end-user': 'jason' };
export const PAGE_PATH = '/productpage';

export interface Proof {
  lines: Line[];
  /** When the first request was answered as expected, in milliseconds since this program started. */
  firstProvenMs?: number;
}

/** Sends the requests and judges the answers. Adds each line to `onLine` as it is known. */
export async function prove(mesh: RunningMesh, client: Client, host: string): Promise<Proof> {
  const expectations = new Expectations(mesh);
  const fromGateway = (path: string, headers = {}) => expectations.of({ from: GATEWAY, host, path, headers });
  const fromPage = (headers = {}) =>
    expectations.of({ from: PAGE, host: 'reviews', port: 9080, path: '/reviews/0', headers });

  const first = await client.repeat(1, PAGE_PATH);
  const page = countedLine(`GET ${PAGE_PATH}`, first, fromGateway(PAGE_PATH), (who) => who);
  const firstProvenMs = page.ok ? performance.now() : undefined;

  const reviewsOf = (who: { calls?: Record<string, object> }) => who.calls?.reviews;
  const everyone = await client.repeat(SPLIT_REQUESTS, PAGE_PATH);
  const testers = await client.repeat(ROUTE_REQUESTS, PAGE_PATH, TESTER);
  const preview = await client.repeat(ROUTE_REQUESTS, '/reviews/v3');
  const nowhere = await client.repeat(1, '/nowhere');
  const lines = [
    page,
    countedLine('reviews behind the page, for everyone', everyone, fromPage(), reviewsOf),
    countedLine('reviews behind the page, end-user: jason', testers, fromPage(TESTER), reviewsOf),
    countedLine('GET /reviews/v3', preview, fromGateway('/reviews/v3'), (who) => who),
    countedLine('GET /nowhere', nowhere, fromGateway('/nowhere'), (who) => who),
  ];
  return { lines, firstProvenMs };
}

/** That the mesh of the same requests was one of identities. Its own requests are not among those that access logs are held to. */
export async function proveZeroTrust(mesh: RunningMesh): Promise<Line[]> {
  const { status } = new Expectations(mesh).of({ from: DETAILS, host: 'ratings', port: 9080, path: '/' });
  return [
    await mutualTlsLine(mesh),
    await undeclaredLine(mesh, DETAILS, 'ratings', status),
    await strangerLine(mesh, RATINGS),
  ];
}

/** What the control plane has seen of these requests. Ask before anything else is sent through the gateway. */
export async function proveStatus(mesh: RunningMesh): Promise<Line[]> {
  const { controlPlane, pods } = mesh.plan;
  if (!controlPlane) return [];
  const place = await mesh.address(controlPlane.pod, controlPlane.httpPort);
  const pages = 1 + SPLIT_REQUESTS + ROUTE_REQUESTS;
  const calls = [
    { source: GATEWAY, destination: 'productpage.bookinfo.svc.cluster.local', count: pages },
    { source: GATEWAY, destination: 'reviews.bookinfo.svc.cluster.local', count: ROUTE_REQUESTS },
    { source: PAGE, destination: 'details.bookinfo.svc.cluster.local', count: pages },
    { source: PAGE, destination: 'reviews.bookinfo.svc.cluster.local', count: pages },
  ];
  const proxies = pods.filter(({ role }) => role !== 'bare').length;
  return [await syncedLine(place, proxies), ...(await callLines(place, calls))];
}
