/**
 * The Istio API as typed objects, for whatever has no construct yet: `new VirtualService(chart, 'legacy', { spec: … })`.
 * The types are those of the schemas from which the CRDs and the checks are made.
 *
 * @packageDocumentation
 */
import type { Construct } from 'constructs';
import * as api from '../../lib/api';
import { IstioObject, type IstioObjectProps } from './object';

export { IstioObject, type IstioObjectProps };

/** Who may do what. */
export class AuthorizationPolicy extends IstioObject<api.AuthorizationPolicySpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.AuthorizationPolicySpec>) {
    super(scope, id, api.AuthorizationPolicy, props);
  }
}

/** What happens to traffic after routing: balancing, limits, ejection, subsets. */
export class DestinationRule extends IstioObject<api.DestinationRuleSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.DestinationRuleSpec>) {
    super(scope, id, api.DestinationRule, props);
  }
}

/** Changes to the configuration of proxies, for what the API has no words. */
export class EnvoyFilter extends IstioObject<api.EnvoyFilterSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.EnvoyFilterSpec>) {
    super(scope, id, api.EnvoyFilter, props);
  }
}

/** Ports and hosts at the edge of the mesh. */
export class Gateway extends IstioObject<api.GatewaySpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.GatewaySpec>) {
    super(scope, id, api.Gateway, props);
  }
}

/** Which connections a workload accepts. */
export class PeerAuthentication extends IstioObject<api.PeerAuthenticationSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.PeerAuthenticationSpec>) {
    super(scope, id, api.PeerAuthentication, props);
  }
}

/** Settings of the proxies of some workloads. */
export class ProxyConfig extends IstioObject<api.ProxyConfigSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.ProxyConfigSpec>) {
    super(scope, id, api.ProxyConfig, props);
  }
}

/** How many requests some workloads take: the mesh's own kind, `malha.dev/v1alpha1`, which upstream Istio does not know. */
export class RateLimit extends IstioObject<api.RateLimitSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.RateLimitSpec>) {
    super(scope, id, api.RateLimit, props);
  }
}

/** Which tokens requests may carry. */
export class RequestAuthentication extends IstioObject<api.RequestAuthenticationSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.RequestAuthenticationSpec>) {
    super(scope, id, api.RequestAuthentication, props);
  }
}

/** A service that the registry does not know. */
export class ServiceEntry extends IstioObject<api.ServiceEntrySpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.ServiceEntrySpec>) {
    super(scope, id, api.ServiceEntry, props);
  }
}

/** What one proxy listens on, and what it sees of the mesh. */
export class Sidecar extends IstioObject<api.SidecarSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.SidecarSpec>) {
    super(scope, id, api.Sidecar, props);
  }
}

/** Access logs, traces and metrics. */
export class Telemetry extends IstioObject<api.TelemetrySpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.TelemetrySpec>) {
    super(scope, id, api.Telemetry, props);
  }
}

/** A Lua or WebAssembly filter in the proxies of some workloads. */
export class TrafficExtension extends IstioObject<api.TrafficExtensionSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.TrafficExtensionSpec>) {
    super(scope, id, api.TrafficExtension, props);
  }
}

/** How requests to a host are routed. */
export class VirtualService extends IstioObject<api.VirtualServiceSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.VirtualServiceSpec>) {
    super(scope, id, api.VirtualService, props);
  }
}

/** A WebAssembly filter in the proxies of some workloads. */
export class WasmPlugin extends IstioObject<api.WasmPluginSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.WasmPluginSpec>) {
    super(scope, id, api.WasmPlugin, props);
  }
}

/** A workload outside of the cluster. */
export class WorkloadEntry extends IstioObject<api.WorkloadEntrySpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.WorkloadEntrySpec>) {
    super(scope, id, api.WorkloadEntry, props);
  }
}

/** Workloads outside of the cluster that register by themselves. */
export class WorkloadGroup extends IstioObject<api.WorkloadGroupSpec> {
  constructor(scope: Construct, id: string, props: IstioObjectProps<api.WorkloadGroupSpec>) {
    super(scope, id, api.WorkloadGroup, props);
  }
}
