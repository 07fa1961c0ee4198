import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../lib/api/object';
import { wantedStatuses } from '../../lib/controllers/status-controller';
import { World } from '../../lib/world';

const GATEWAY = `
apiVersion: v1
kind: Pod
metadata: { name: edge, namespace: edges, labels: { istio: ingressgateway, app: edge } }
---
apiVersion: v1
kind: Service
metadata: { name: edge, namespace: edges }
spec: { type: LoadBalancer, selector: { istio: ingressgateway }, ports: [{ port: 80 }] }
status: { loadBalancer: { ingress: [{ ip: 192.0.2.8, ipMode: VIP }, { hostname: edge.example }, {}] } }`;
/** For the same Pod, within the cluster; of Pods elsewhere; and one that selects nothing. */
const OTHERS = `
apiVersion: v1
kind: Service
metadata: { name: inner, namespace: edges }
spec: { clusterIP: 198.19.0.1, externalIPs: [192.0.2.9], selector: { app: edge }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: edge, namespace: elsewhere }
spec: { externalIPs: [192.0.2.66], selector: { app: edge }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: by-hand, namespace: edges }
spec: { externalIPs: [192.0.2.67], ports: [{ port: 80 }] }`;
const NAMED = `
apiVersion: v1
kind: Service
metadata: { name: front, namespace: istio-system }
spec: { type: ExternalName, externalName: front.example }
---
apiVersion: v1
kind: Service
metadata: { name: front, namespace: shop }
spec: { type: ExternalName, externalName: other.example }`;
const ingress = (name: string, ofClass: string) => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name}, namespace: shop }
spec: { ingressClassName: ${ofClass}, defaultBackend: { service: { name: page, port: { number: 80 } } } }`;

/** What should stand on Ingresses, by name. */
function statusesOf(texts: readonly string[], { config = '{}', standing = {} as unknown } = {}) {
  const mesh = `{ apiVersion: v1, kind: ConfigMap, metadata: { name: istio, namespace: istio-system }, data: { mesh: '${config}' } }`;
  const objects = parseAllDocuments([mesh, ...texts].join('\n---\n')).map((each) => each.toJS() as KubeObject);
  const cluster = { objects: () => objects, standing: () => ({ status: standing }) };
  const wanted = wantedStatuses(cluster, World.of(objects), () => ({ state: 'unknown' }), '2026-01-01T12:00:00Z');
  return Object.fromEntries(wanted.map(({ object, status }) => [object.metadata.name, status]));
}

test('an Ingress that is served gets the addresses of the Services that lead to its gateways, each once', () => {
  expect(statusesOf([GATEWAY, OTHERS, ingress('page', 'istio')])).toEqual({
    page: { loadBalancer: { ingress: [{ ip: '192.0.2.8' }, { ip: '192.0.2.9' }, { hostname: 'edge.example' }] } },
  });
});

test('an Ingress of another controller is left alone', () => {
  const statuses = statusesOf([GATEWAY, ingress('theirs', 'nginx'), ingress('ours', 'istio')]);
  expect(Object.keys(statuses)).toEqual(['ours']);
});

test('where ingressSelector names other gateways, their addresses count', () => {
  expect(statusesOf([GATEWAY, ingress('page', 'istio')], { config: 'ingressSelector: inner' })).toEqual({
    page: { loadBalancer: {} },
  });
});

test('ingressService names the Service, of the root namespace', () => {
  expect(statusesOf([GATEWAY, NAMED, ingress('page', 'istio')], { config: 'ingressService: front' })).toEqual({
    page: { loadBalancer: { ingress: [{ hostname: 'front.example' }] } },
  });
  expect(statusesOf([GATEWAY, NAMED, ingress('page', 'istio')], { config: 'ingressService: gone' })).toEqual({
    page: { loadBalancer: {} },
  });
});
