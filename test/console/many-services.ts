/** A mesh of many services in some namespaces, as YAML: each service declares who calls it. Always the same. */
export function manyServices(namespaces: number, each: number): string {
  const layers = 4;
  const objects: string[] = [];
  for (let ns = 0; ns < namespaces; ns++) {
    for (let n = 0; n < each; n++) {
      const layer = n % layers;
      const name = `service-${ns}-${n}`;
      // Those of the layer before, and for the first one somebody of the namespace before.
      const callers =
        layer === 0
          ? [`team-${(ns + namespaces - 1) % namespaces}/service-${(ns + namespaces - 1) % namespaces}-${n + 1}`]
          : [n - 1, n + 3]
              .filter((one) => one < each && one % layers === layer - 1)
              .map((one) => `team-${ns}/service-${ns}-${one}`);
      objects.push(service(name, `team-${ns}`, callers));
    }
  }
  return objects.join('---\n');
}

function service(name: string, namespace: string, callers: readonly string[]): string {
  const principals = callers.map((caller) => `cluster.local/ns/${caller.replace('/', '/sa/')}`);
  return `apiVersion: v1
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
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: ${name} } }
  rules: [{ from: [{ source: { principals: ${JSON.stringify(principals)} } }] }]
`;
}
