import { readObjects } from '../../lib/discovery/files/read';
import { mermaidOf } from '../../lib/graph/mermaid';
import type { ObservedTraffic } from '../../lib/graph/observed-edges';
import { serviceGraph, withinNamespace } from '../../lib/graph/service-graph';
import { complete, World } from '../../lib/world';

const app = (name: string, namespace: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name}, version: v1 } }
    spec: { serviceAccountName: ${name}, containers: [{ name: app, image: app, ports: [{ containerPort: 80 }] }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}-callers, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: ${name} } }
  rules:
    - from: [{ source: { principals: [cluster.local/ns/shop/sa/page] } }]
    - from: [{ source: { namespaces: [monitoring] } }]
---
`;

const EXTERNAL = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: bank, namespace: shop }
spec: { hosts: [api.bank.example], ports: [{ number: 443, name: tls, protocol: TLS }], resolution: DNS, location: MESH_EXTERNAL }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: page, namespace: shop }
spec:
  workloadSelector: { labels: { app: page } }
  egress: [{ hosts: ['shop/reviews.shop.svc.cluster.local', 'shop/api.bank.example', 'istio-system/*'] }]
`;

function given(...texts: string[]) {
  const { objects } = readObjects(texts.join('\n---\n'), 'mesh.yaml');
  const all = complete(objects);
  const world = World.of(all);
  const podOf = (name: string) => {
    const pod = all.find(({ kind, metadata }) => kind === 'Pod' && metadata.labels?.['app'] === name)!;
    return `${pod.metadata.name}.${pod.metadata.namespace}`;
  };
  const graph = (calls?: ObservedTraffic[], isWhole = true) => serviceGraph(world, all, calls && { calls, isWhole });
  return { graph, podOf };
}

const call = (source: string, destination: string, more: Partial<ObservedTraffic> = {}): ObservedTraffic => ({
  source,
  destination,
  code: 200,
  protocol: 'http',
  count: 10,
  lastSeen: '2026-01-01T00:00:00.000Z',
  ...more,
});
const states = ({ edges }: ReturnType<typeof serviceGraph>) =>
  Object.fromEntries(edges.map(({ source, target, state }) => [`${source} → ${target}`, state]));

describe('the service graph', () => {
  const { graph, podOf } = given(app('page', 'shop'), app('reviews', 'shop'), app('ledger', 'bank'), EXTERNAL);

  test('is declared by principals of rules and by hosts of Sidecars, not by whole namespaces', () => {
    expect(states(graph())).toEqual({
      'shop/page → api.bank.example': 'declared',
      'shop/page → bank/ledger': 'declared',
      'shop/page → shop/page': 'declared',
      'shop/page → shop/reviews': 'declared',
    });
    const [, , , toReviews] = graph().edges;
    expect(toReviews!.declaredBy).toEqual(['AuthorizationPolicy shop/reviews-callers', 'Sidecar shop/page']);
  });

  test('tells what was declared and never seen, and what was seen and never declared', () => {
    const seen = graph([
      call(podOf('page'), 'reviews.shop.svc.cluster.local:80 (v1)'),
      call(podOf('reviews'), 'ledger.bank.svc.cluster.local:80', { code: 403 }),
      call(podOf('reviews'), 'evil.example:80'),
    ]);
    expect(states(seen)).toMatchObject({
      'shop/page → shop/reviews': 'expected',
      'shop/page → bank/ledger': 'unseen',
      'shop/reviews → bank/ledger': 'undeclared',
      'shop/reviews → evil.example': 'undeclared',
    });
    expect(seen.nodes.find(({ id }) => id === 'evil.example')).toMatchObject({ kind: 'external', namespace: '' });
  });

  test('gathers the calls of all instances on an edge, and counts each once though both sides log it', () => {
    const lately = { perSecond: 2, times: { 4: 98, 64: 2 } };
    const reviews = 'reviews.shop.svc.cluster.local:80';
    const { edges } = graph([
      call(podOf('page'), `${reviews} (v1)`, { lately }),
      call(podOf('page'), `${reviews} (v2)`, { code: 503, count: 5, lately: { perSecond: 2, times: { 4: 100 } } }),
      call('spiffe://cluster.local/ns/shop/sa/page', `${podOf('reviews')}:80`, { count: 7 }),
    ]);
    const edge = edges.find(({ target }) => target === 'shop/reviews')!;
    expect(edge.mutualTls).toBe('seen');
    expect(edge.traffic).toEqual({
      count: 15,
      errors: 5,
      lastSeen: '2026-01-01T00:00:00.000Z',
      codes: [
        { code: 200, count: 10 },
        { code: 503, count: 5 },
      ],
      subsets: [
        { name: 'v1', count: 10 },
        { name: 'v2', count: 5 },
      ],
      perSecond: 4,
      errorShare: 0.5,
      p50: 4,
      p99: 4,
    });
  });

  test('says nothing of errors where there was no traffic', () => {
    const { edges } = graph([call(podOf('page'), 'reviews.shop.svc.cluster.local:80')]);
    expect(edges.find(({ target }) => target === 'shop/reviews')!.traffic).not.toHaveProperty('errorShare');
  });

  test('stays bounded when clients make up hosts', () => {
    const calls = Array.from({ length: 1_000 }, (_, n) => call(podOf('page'), `made-up-${n}.example:80`));
    const { nodes } = graph(calls);
    expect(nodes.length).toBeLessThan(60);
    expect(nodes.map(({ id }) => id)).toContain('other hosts');
  });

  test('shows somebody of one namespace its own services, and of others the names of those that it calls', () => {
    const { nodes, edges } = withinNamespace(graph([]), 'bank');
    expect(nodes.map(({ id }) => id)).toEqual(['bank/ledger', 'shop/page']);
    expect(nodes[1]).toEqual({ id: 'shop/page', name: 'page', namespace: 'shop', kind: 'service', versions: [] });
    expect(edges.map(({ source, target }) => [source, target])).toEqual([['shop/page', 'bank/ledger']]);
  });

  test('is written for Mermaid, where no name can be markup', () => {
    expect(mermaidOf(graph())).toBe(`flowchart LR
  n0{{"api.bank.example"}}
  subgraph ns1["bank"]
    n1["ledger"]
  end
  subgraph ns2["shop"]
    n2["page"]
    n3["reviews"]
  end
  n2 --> n0
  n2 --> n1
  n2 --> n2
  n2 --> n3
`);
    const evil = graph([call(podOf('page'), '"]; click n0 "javascript:alert(1)":80')]);
    expect(mermaidOf(evil)).not.toMatch(/click n0 "|\]; /);
  });
});
