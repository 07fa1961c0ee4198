import { App, Chart } from 'cdk8s';
import { Mesh, MeshService, Monitoring, Port } from '../../constructs';
import { readObjects } from '../../lib/discovery/files/read';
import { budgetLine, HTTP_SERIES, seriesBudgets, TCP_SERIES } from '../../lib/graph/series-budget';
import { complete, World } from '../../lib/world';

const workload = (app: string, version: string, replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${app}-${version}, namespace: shop }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${app}, version: ${version} } }
  template:
    metadata: { labels: { app: ${app}, version: ${version} } }
    spec: { serviceAccountName: ${app}, containers: [{ name: app, image: app, ports: [{ containerPort: 80 }] }] }
---`;
const service = (app: string, port: string, caller: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${app}, namespace: shop }
spec: { selector: { app: ${app} }, ports: [{ name: ${port}, port: 80 }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${app}, namespace: shop }
spec:
  selector: { matchLabels: { app: ${app} } }
  rules: [{ from: [{ source: { principals: [cluster.local/ns/shop/sa/${caller}] } }] }]
---`;

function budgets(...texts: string[]) {
  const objects = complete(readObjects(texts.join(''), 'mesh.yaml').objects);
  return seriesBudgets(World.of(objects), objects);
}

describe('the budget of series', () => {
  test('counts what the instances of either side tell apart on the other', () => {
    const mesh = [workload('page', 'v1', 3), workload('reviews', 'v1', 2), workload('reviews', 'v2', 1)];
    // Three pages see two versions; three reviews see one version of the page.
    expect(budgets(...mesh, service('reviews', 'http', 'page'))).toEqual([
      { service: 'shop/reviews', perAnswer: (3 * 2 + 3 * 1) * HTTP_SERIES },
    ]);
    expect(budgets(...mesh, service('reviews', 'tcp', 'page'))[0]!.perAnswer).toBe(9 * TCP_SERIES);
  });

  test('is told in one line at synthesis, where metrics are stored', () => {
    const written: string[] = [];
    const spy = jest.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    try {
      for (const monitoring of [Monitoring.bundled(), Monitoring.none()]) {
        const app = new App();
        const mesh = new Mesh(app, 'mesh', { monitoring });
        const chart = new Chart(app, 'shop', { namespace: 'shop' });
        const web = new MeshService(chart, 'web', { mesh, port: Port.http(80), image: 'shop/web:1' });
        const page = new MeshService(chart, 'page', { mesh, port: Port.http(80), image: 'shop/page:1' });
        page.calls(web);
        app.synthYaml();
      }
    } finally {
      spy.mockRestore();
    }
    expect(written.filter((text) => text.startsWith('metrics:'))).toEqual([
      expect.stringMatching(
        /^metrics: for each kind of answer at most \d+ series a service \(shop\/web\), \d+ for all 1 service\n$/,
      ),
    ]);
  });

  test('says nothing where nobody calls anybody', () => {
    expect(budgetLine([])).toBeUndefined();
  });
});
