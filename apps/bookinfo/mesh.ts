/**
 * Bookinfo, the application that every mesh is shown with, as a program: a product page that asks for details and
 * reviews, and reviews in three versions of which two ask for ratings. https://istio.io/latest/docs/examples/bookinfo/
 */
import { type App, Chart } from 'cdk8s';
import { Deployment, EnvValue } from 'cdk8s-plus-27';
import {
  Duration,
  Gateway,
  Match,
  Mesh,
  MeshService,
  Monitoring,
  Percent,
  Port,
  Tracing,
  Workload,
} from '../../constructs';

const RELEASE = '1.20.3';
const image = (name: string) => `docker.io/istio/examples-bookinfo-${name}:${RELEASE}`;
/** The samples write temporary files, and reviews' server its working files. */
const WRITABLE = ['/tmp', '/opt/ibm/wlp/output'];
/** What stands for a workload when the mesh runs on one machine. */
const sample = (name: string, version: string) => `node dist/apps/bookinfo/service.js ${name} ${version}`;

const workload = (service: string, version: string) =>
  Workload.image(image(`${service}-${version}`), {
    replicas: 1,
    user: 1000,
    writablePaths: service === 'reviews' ? WRITABLE : ['/tmp'],
    runLocally: sample(service, version),
  });

/** Declares Bookinfo in `app`; returns what tests and both engines ask for. */
export function bookinfo(app: App, tracing = Tracing.jaeger()) {
  const mesh = new Mesh(app, 'mesh', { tracing, monitoring: Monitoring.bundled() });
  const chart = new Chart(app, 'bookinfo', { namespace: 'bookinfo' });
  const port = Port.http(9080);

  const details = new MeshService(chart, 'details', { mesh, port, versions: { v1: workload('details', 'v1') } });
  const ratings = new MeshService(chart, 'ratings', { mesh, port, versions: { v1: workload('ratings', 'v1') } });
  const reviews = new MeshService(chart, 'reviews', {
    mesh,
    port,
    versions: {
      v1: workload('reviews', 'v1'),
      v2: workload('reviews', 'v2'),
      v3: existingReviews(chart),
    },
    resilience: { ejectAfter5xx: 5, maxPendingRequests: 64 },
  });
  const productpage = new MeshService(chart, 'productpage', {
    mesh,
    port,
    versions: { v1: workload('productpage', 'v1') },
  });

  // In order, the first that matches wins.
  reviews.addRoute('testers', { match: [Match.header('end-user', 'jason')], to: reviews.version('v2') });
  reviews.addRoute('preview', { match: [Match.pathPrefix('/reviews/v3')], to: reviews.version('v3') });
  reviews.addRoute('everyone', {
    split: [
      { to: reviews.version('v1'), weight: 90 },
      { to: reviews.version('v2'), weight: 10 },
    ],
    timeout: Duration.seconds(2),
    retries: { attempts: 2 },
  });

  // All that is not declared is refused.
  productpage.calls(details, { methods: ['GET'] }).calls(reviews, { methods: ['GET'] });
  reviews.calls(ratings, { methods: ['GET'] });

  details.slo({
    availability: Percent.of(99.9),
    latency: { within: Duration.millis(500), share: Percent.of(99) },
  });

  const edge = new Gateway(chart, 'edge', { mesh, hosts: ['bookinfo.localhost'], replicas: 1 });
  edge.expose(productpage, { paths: ['/productpage', '/static', '/login', '/logout', '/api/v1/products'] });
  edge.expose(reviews, { paths: ['/reviews'] });

  return { mesh, chart, details, ratings, reviews, productpage, edge };
}

/** A Deployment as a program may have had it before there was a mesh; it joins as it is. */
function existingReviews(chart: Chart): Deployment {
  return new Deployment(chart, 'reviews-v3', {
    metadata: { name: 'reviews-v3' },
    replicas: 1,
    podMetadata: { annotations: { 'malha.dev/run': sample('reviews', 'v3') } },
    containers: [
      {
        name: 'reviews',
        image: image('reviews-v3'),
        ports: [{ number: 9080 }],
        envVariables: { LOG_DIR: EnvValue.fromValue('/tmp/logs') },
        securityContext: { user: 1000, readOnlyRootFilesystem: false },
      },
    ],
  });
}
