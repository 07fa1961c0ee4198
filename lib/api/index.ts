/**
 * The mesh API: Kubernetes objects in Istio's groups. One schema per kind is the single source of its TypeScript type,
 * its validator, its CustomResourceDefinition and its reference page. Nothing here does I/O, and nothing here knows
 * what Envoy is. `schema.ts` has the words that schemas are written in, `kinds.ts` the list of kinds.
 */
export * from './crd';
export * from './duration';
export * from './extensions/traffic-extension';
export * from './extensions/wasm';
export * from './extensions/wasm-plugin';
export * from './kind';
export * from './kinds';
export * from './malha/rate-limit';
export * from './mesh/connection-settings';
export * from './mesh/extension-provider';
export * from './mesh/mesh-config';
export * from './mesh/mesh-networks';
export * from './mesh/proxy-config';
export * from './mesh/proxy-headers';
export * from './networking/connection-pool';
export * from './networking/destination';
export * from './networking/destination-rule';
export * from './networking/envoy-filter';
export * from './networking/gateway';
export * from './networking/header-operations';
export * from './networking/http-fault';
export * from './networking/http-match';
export * from './networking/http-route';
export * from './networking/load-balancing';
export * from './networking/proxy-config';
export * from './networking/server-tls';
export * from './networking/service-entry';
export * from './networking/sidecar';
export * from './networking/string-match';
export * from './networking/traffic-policy';
export * from './networking/virtual-service';
export * from './networking/workload-entry';
export * from './networking/workload-group';
export * from './object';
export * from './origin';
export * from './security/authorization-policy';
export * from './security/peer-authentication';
export * from './security/request-authentication';
export * from './selector';
export * from './telemetry/cel';
export * from './telemetry/telemetry';
