/** Objects of the Gateway API as rows write them: one Gateway, and a Service for each version. */
import { get } from '../behaviour';

/** One object. @param spec as YAML, in braces. */
export const api = (kind: string, name: string, spec: string, namespace = 'shop', created = '') =>
  `{ apiVersion: gateway.networking.k8s.io/v1, kind: ${kind}, metadata: { name: ${name}, namespace: ${namespace}${
    created && `, creationTimestamp: "${created}"`
  } }, spec: ${spec} }`;

/** A Service for each version, as backends of routes are Services. */
const VERSIONS = ['v1', 'v2'].map(
  (version) =>
    `{ apiVersion: v1, kind: Service, metadata: { name: ${version}, namespace: shop }, spec: { selector: { app: reviews, version: ${version} }, ports: [{ name: http, port: 9080, targetPort: 8080 }, { name: grpc, port: 9070, targetPort: 8070 }, { name: tcp, port: 9000, targetPort: 8090 }, { name: tls, port: 9443, targetPort: 8443 }] } }`,
);

export const toV1 = 'backendRefs: [{ name: v1, port: 9080 }]';
export const toV2 = 'backendRefs: [{ name: v2, port: 9080 }]';
export const http = (name = 'http', more = '') => `{ name: ${name}, port: 80, protocol: HTTP${more} }`;
export const edge = (listeners = http()) =>
  api('Gateway', 'edge', `{ gatewayClassName: malha, listeners: [${listeners}] }`);
export const documents = (...objects: string[]) => [...VERSIONS, ...objects].join('\n---\n');

export const fromEdge = (url: string, options: Parameters<typeof get>[1] = {}) =>
  get(url, { from: 'edge', ...options });
