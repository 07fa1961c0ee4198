/**
 * Malha's public face: constructs that declare services and who may reach them how, and write Kubernetes objects in the
 * Istio API. Nothing here talks to a cluster.
 *
 * @packageDocumentation
 */
export { AccessLog } from './access-log';
export { AuditPolicy, type AuditPolicyProps } from './audit-policy';
export { Caller, type CallOptions, type ICaller } from './callers';
export { Capture } from './capture';
export { ControlPlane, type ControlPlaneProps } from './control-plane';
export { type AuthorizerScope, ExternalAuthorizer, type ExternalAuthorizerProps } from './external-authorizer';
export { ExternalProcessing, type ExternalProcessingProps } from './external-processing';
export { ExternalService, type ExternalServiceProps } from './external-service';
export { Fault, type FaultOptions } from './fault';
export { type ExposeOptions, Gateway, type GatewayProps } from './gateway';
export { GatewayTls } from './gateway-tls';
export { Identity, MtlsMode, UndeclaredCalls } from './identity';
export { LoadBalancing, type LoadBalancingOptions, type StickyCookieOptions } from './load-balancing';
export { Match } from './match';
export { Mesh, type MeshProps } from './mesh';
export { MeshService, type MeshServiceAttributes, type MeshServiceProps } from './mesh-service';
export { Monitoring } from './monitoring';
export { OpenTelemetryCollector } from './observability/collector';
export { Grafana } from './observability/grafana';
export { Jaeger } from './observability/jaeger';
export type { Objectives } from './observability/objective';
export type { OperatorOptions } from './observability/operator';
export { Prometheus, type PrometheusOptions } from './observability/prometheus';
export type { StorageProps } from './observability/server';
export { Zipkin } from './observability/zipkin';
export { OutboundPolicy } from './outbound-policy';
export type { EksOptions } from './platform/eks';
export type { OpenShiftOptions } from './platform/openshift';
export { Platform } from './platform/platform';
export type { Plugin, PluginHost } from './plugin';
export { Port, type PortOptions } from './port';
export { Counting, LimitKey, type LimitProps, Rate } from './rate-limit';
export { type MeshRequest, Outcome } from './request';
export type { Resilience } from './resilience';
export { type MirrorTarget, type Retries, Route, type RouteProps, type WeightedTarget } from './route';
export { RouteApi } from './route-api';
export { type IMeshService, type IRouteTarget, ServiceVersion } from './service-version';
export { SignedImages } from './signed-images';
export type { JwtOptions } from './tokens';
export { Tracing, type TracingOptions } from './tracing';
export { Duration, Percent } from './units';
export { Wasm, type WasmImageOptions } from './wasm';
export { WasmFilter, type WasmFilterProps } from './wasm-filter';
export { type ImageOptions, type IWorkload, Workload } from './workload';
