/**
 * From objects to findings: 10,000 objects of 1,000 services that are right, so that every check looks at all of them, in
 * memory; then again after one of them changed; and what reading the same objects from text costs beside `yaml` alone.
 */
import { parseAllDocuments, stringify } from 'yaml';
import type { KubeObject } from '../../../lib/api/object';
import { readObjects } from '../../../lib/discovery/files/read';
import { analyze as analyzed, validate } from '../../../lib/galley';
import { measured, median, type Part } from '../measurement';

const SERVICES = 1_000;
const NAMESPACES = 20;
const RUNS = 7;
const WARM_UP = 3;
/** Each kind of object is changed in turn. */
const CHANGES = 20;

export const analyze: Part = {
  name: 'analyze',
  about: 'from 10,000 objects to findings, and again after one change; reading them beside the YAML parser alone',
  async run(say) {
    const objects = Array.from({ length: SERVICES }, (_, i) => serviceObjects(i)).flat();
    say(`${objects.length} objects`);
    const whole: number[] = [];
    let findings = 0;
    for (let run = 0; run < WARM_UP + RUNS; run++) {
      // Objects that nothing is known of yet.
      const fresh = structuredClone(objects);
      const took = timed(() => {
        findings = fresh.flatMap((object) => validate(object)).length + analyzed(fresh).length;
      });
      if (run >= WARM_UP) whole.push(took);
    }
    const changed: number[] = [];
    analyzed(objects);
    for (let run = 0; run < WARM_UP + CHANGES; run++) {
      const next = [...objects];
      next[run] = structuredClone(next[run]!);
      const took = timed(() => {
        validate(next[run]!);
        analyzed(next);
      });
      if (run >= WARM_UP) changed.push(took);
    }
    say('reading');
    const text = objects.map((object) => stringify(object)).join('---\n');
    const alone: number[] = [];
    const reading: number[] = [];
    for (let run = 0; run < 2 + RUNS; run++) {
      const parsing = timed(() => {
        for (const document of parseAllDocuments(text)) {
          if (!('empty' in document)) document.toJS();
        }
      });
      const took = timed(() => readObjects(text, 'mesh.yaml'));
      if (run >= 2) {
        alone.push(parsing);
        reading.push(took);
      }
    }
    return [
      measured('analyze', 'objects', objects.length, 'objects'),
      measured('analyze', 'findings', findings, 'findings'),
      measured('analyze', 'all of them, from nothing', median(whole), 'ms', 1_000),
      measured('analyze', 'again after one object changed', median(changed), 'ms', 100),
      measured('analyze', 'text', text.length / 1e6, 'MB'),
      measured('analyze', 'yaml alone', median(alone), 'ms'),
      measured('analyze', 'reading', median(reading), 'ms'),
      measured('analyze', 'reading, beside yaml alone', median(reading) / median(alone), '×', 1.5),
    ];
  },
};

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function serviceObjects(i: number): KubeObject[] {
  const name = `app-${i}`;
  const namespace = `ns-${i % NAMESPACES}`;
  // Chains of five, of which the last service is retried, and the first is called by a client of no name.
  const depth = Math.floor(i / NAMESPACES) % 5;
  const caller = depth === 0 ? 'client' : `app-${i - NAMESPACES}`;
  const retries = depth === 4 ? { retries: { attempts: 2 } } : {};
  const metadata = { name, namespace };
  const labels = { app: name, version: 'v1' };
  const selector = { matchLabels: { app: name } };
  const container = (app: string, image: string, ports: object[]) => ({ name: app, image, ports });
  const containers = [container('app', 'shop/app:1', [{ containerPort: 8080 }])];
  const sidecar = container('istio-proxy', 'malha/proxy:1', [{ containerPort: 15090, name: 'metrics' }]);
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { clusterIP: `10.96.${i >> 8}.${i & 255}`, selector: { app: name }, ports: [{ name: 'http', port: 80 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-a`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [1, 2, 3].map((pod) => ({ addresses: [`10.${1 + (i >> 8)}.${i & 255}.${pod}`] })),
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 3,
        selector,
        template: { metadata: { labels }, spec: { serviceAccountName: name, containers } },
      },
    },
    ...[1, 2, 3].map((pod) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `${name}-${pod}`, namespace, labels: { ...labels, 'pod-template-hash': '5d8c9f7b6' } },
      spec: { serviceAccountName: name, containers: [...containers, sidecar] },
      status: { phase: 'Running', podIP: `10.${1 + (i >> 8)}.${i & 255}.${pod}` },
    })),
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata,
      spec: {
        host: name,
        trafficPolicy: { connectionPool: { tcp: { maxConnections: 100 } }, outlierDetection: {} },
        subsets: [{ name: 'v1', labels: { version: 'v1' } }],
      },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata,
      spec: {
        hosts: [name],
        http: [
          {
            match: [{ headers: { 'end-user': { exact: 'jason' } } }, { uri: { prefix: '/api/v2' } }],
            route: [{ destination: { host: name, subset: 'v1' } }],
          },
          { timeout: '10s', ...retries, route: [{ destination: { host: name, subset: 'v1' } }] },
        ],
      },
    },
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata,
      spec: {
        selector,
        rules: [
          {
            from: [{ source: { principals: [`cluster.local/ns/${namespace}/sa/${caller}`] } }],
            to: [{ operation: { methods: ['GET'], paths: ['/api/*'] } }],
          },
        ],
      },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Sidecar',
      metadata,
      spec: { workloadSelector: { labels: { app: name } }, egress: [{ hosts: ['./*', 'istio-system/*'] }] },
    },
  ] as KubeObject[];
}
