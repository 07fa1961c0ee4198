/** One program, written in either API: a service with versions and rules, and a gateway that exposes it. */
import { Duration, Gateway, Match, MeshService, Percent, Port, RouteApi, Workload } from '../../constructs';
import { Program } from './program';

export const APIS = { istio: RouteApi.istio(), gatewayApi: RouteApi.gatewayApi() } as const;

/** What is asked, of both; at the gateway and in the mesh. */
export const REQUESTS: readonly { path: string; method?: string; headers?: Record<string, string> }[] = [
  { path: '/reviews/1' },
  { path: '/reviews/1', headers: { 'end-user': 'jason' } },
  { path: '/reviews/1', headers: { 'end-user': 'jasonx' } },
  { path: '/reviews-old' },
  { path: '/reviewsx', headers: { 'x-canary': 'yes-please' } },
  { path: '/reviews/list?page=2' },
  { path: '/reviews/list?page=3' },
  { path: '/reviews', method: 'POST' },
  { path: '/review' },
  { path: '/' },
  { path: '/exact' },
  { path: '/exact/' },
];

export class BookProgram extends Program {
  readonly reviews: MeshService<'v1' | 'v2'>;
  readonly page: MeshService;
  readonly edge: Gateway;

  constructor(api: RouteApi) {
    super();
    const { mesh, shop } = this;
    const port = Port.http(9080);
    this.page = new MeshService(shop, 'page', { mesh, port, image: 'shop/page:1' });
    this.reviews = new MeshService(shop, 'reviews', {
      mesh,
      port,
      api,
      versions: { v1: Workload.image('reviews:1'), v2: Workload.image('reviews:2') },
      resilience: { maxPendingRequests: 64 },
    });
    const [v1, v2] = [this.reviews.version('v1'), this.reviews.version('v2')];
    this.reviews.addRoute('exact', { match: [Match.path('/exact')], to: v2 });
    this.reviews.addRoute('testers', {
      match: [Match.header('End-User', 'jason'), Match.pathPrefix('/reviews')],
      to: v2,
    });
    this.reviews.addRoute('canary', {
      match: [Match.headerPrefix('x-canary', 'yes'), Match.pathPrefix('/reviews')],
      to: v2,
    });
    this.reviews.addRoute('second', { match: [Match.query('page', '2'), Match.pathPrefix('/reviews')], to: v2 });
    this.reviews.addRoute('write', { match: [Match.method('POST')], to: v2, retries: { attempts: 0 } });
    this.reviews.addRoute('everyone', {
      to: v1,
      timeout: Duration.millis(2500),
      mirrors: [{ to: v2, share: Percent.of(10) }],
    });
    this.page.calls(this.reviews);
    this.edge = new Gateway(shop, 'edge', { mesh, api, hosts: ['shop.localhost'] });
    this.edge.expose(this.reviews, { paths: ['/review', '/exact'] });
  }
}
