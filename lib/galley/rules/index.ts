/**
 * The rules of each kind, beyond its schema: what the API documents but a schema cannot say. One file per kind; a rule
 * sees one spec at a time, and is silent about whatever the schema refused already.
 */
import { TrafficExtension, type TrafficExtensionSpec } from '../../api/extensions/traffic-extension';
import { WasmPlugin, type WasmPluginSpec } from '../../api/extensions/wasm-plugin';
import * as gatewayApi from '../../api/gateway-api';
import type { Kind } from '../../api/kind';
import { RateLimit, type RateLimitSpec } from '../../api/malha/rate-limit';
import { DestinationRule, type DestinationRuleSpec } from '../../api/networking/destination-rule';
import { EnvoyFilter, type EnvoyFilterSpec } from '../../api/networking/envoy-filter';
import { Gateway, type GatewaySpec } from '../../api/networking/gateway';
import { ProxyConfig, type ProxyConfigSpec } from '../../api/networking/proxy-config';
import { ServiceEntry, type ServiceEntrySpec } from '../../api/networking/service-entry';
import { Sidecar, type SidecarSpec } from '../../api/networking/sidecar';
import { VirtualService, type VirtualServiceSpec } from '../../api/networking/virtual-service';
import { WorkloadEntry, type WorkloadEntrySpec } from '../../api/networking/workload-entry';
import { WorkloadGroup, type WorkloadGroupSpec } from '../../api/networking/workload-group';
import { AuthorizationPolicy, type AuthorizationPolicySpec } from '../../api/security/authorization-policy';
import { PeerAuthentication, type PeerAuthenticationSpec } from '../../api/security/peer-authentication';
import { RequestAuthentication, type RequestAuthenticationSpec } from '../../api/security/request-authentication';
import { Telemetry, type TelemetrySpec } from '../../api/telemetry/telemetry';
import { checkAuthorizationPolicy } from './authorization-policy';
import type { Check } from './check';
import { checkDestinationRule } from './destination-rule';
import { checkEnvoyFilter } from './envoy-filter';
import { checkTrafficExtension, checkWasmPlugin } from './extension';
import { checkGateway } from './gateway';
import { checkHttpRouteOfGatewayApi, checkListeners } from './gateway-api';
import { checkPeerAuthentication } from './peer-authentication';
import { checkProxyConfig } from './proxy-config';
import { checkRateLimit } from './rate-limit';
import { checkRequestAuthentication } from './request-authentication';
import { checkServiceEntry } from './service-entry';
import { checkSidecar } from './sidecar';
import { checkTelemetry } from './telemetry';
import { checkVirtualService } from './virtual-service';
import { checkWorkloadEntry } from './workload-entry';
import { checkWorkloadGroup } from './workload-group';

type Rules = (spec: never, check: Check, namespace: string) => void;

/** The rules of `kind`; specs that come here match the kind's schema. */
export const rulesOf: ReadonlyMap<Kind, Rules> = new Map<Kind, Rules>([
  [VirtualService, checkVirtualService satisfies (spec: VirtualServiceSpec, check: Check, namespace: string) => void],
  [
    DestinationRule,
    checkDestinationRule satisfies (spec: DestinationRuleSpec, check: Check, namespace: string) => void,
  ],
  [Gateway, checkGateway satisfies (spec: GatewaySpec, check: Check) => void],
  [ServiceEntry, checkServiceEntry satisfies (spec: ServiceEntrySpec, check: Check, namespace: string) => void],
  [WorkloadEntry, checkWorkloadEntry satisfies (spec: WorkloadEntrySpec, check: Check) => void],
  [Sidecar, checkSidecar satisfies (spec: SidecarSpec, check: Check, namespace: string) => void],
  [Telemetry, checkTelemetry satisfies (spec: TelemetrySpec, check: Check) => void],
  [PeerAuthentication, checkPeerAuthentication satisfies (spec: PeerAuthenticationSpec, check: Check) => void],
  [RequestAuthentication, checkRequestAuthentication satisfies (spec: RequestAuthenticationSpec, check: Check) => void],
  [AuthorizationPolicy, checkAuthorizationPolicy satisfies (spec: AuthorizationPolicySpec, check: Check) => void],
  [WorkloadGroup, checkWorkloadGroup satisfies (spec: WorkloadGroupSpec, check: Check) => void],
  [ProxyConfig, checkProxyConfig satisfies (spec: ProxyConfigSpec, check: Check) => void],
  [EnvoyFilter, checkEnvoyFilter satisfies (spec: EnvoyFilterSpec, check: Check) => void],
  [RateLimit, checkRateLimit satisfies (spec: RateLimitSpec, check: Check) => void],
  [WasmPlugin, checkWasmPlugin satisfies (spec: WasmPluginSpec, check: Check) => void],
  [TrafficExtension, checkTrafficExtension satisfies (spec: TrafficExtensionSpec, check: Check) => void],
  [gatewayApi.Gateway, checkListeners satisfies (spec: gatewayApi.GatewaySpec, check: Check) => void],
  [gatewayApi.ListenerSet, checkListeners satisfies (spec: gatewayApi.ListenerSetSpec, check: Check) => void],
  [gatewayApi.HTTPRoute, checkHttpRouteOfGatewayApi satisfies (spec: gatewayApi.HttpRouteSpec, check: Check) => void],
]);
