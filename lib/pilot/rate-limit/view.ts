/** What distinguishes workloads for rate limits: the names of the RateLimits that hold for them. */
import type { RateLimit } from '../../api';
import { controlPlaneName } from '../../api/revisions';
import type { envoy } from '../../envoy/generated/envoy';
import { type IdentitySource, type Labels, nameKey, partsOfName, type Viewer, type WorldView } from '../../world';
import { providerCluster } from '../providers';

export interface RateLimitView {
  /** Two views with equal keys are interchangeable. */
  readonly key: string;
  /** The RateLimits, `namespace/name`, of the root namespace first. */
  readonly limits: readonly string[];
  /** By which the control plane is asked. */
  readonly service: EnvoyGrpc;
}

type EnvoyGrpc = envoy.config.core.v3.GrpcService.EnvoyGrpc;

/** The cluster of the bootstrap by which the control plane is reached. */
const BOOTSTRAP: EnvoyGrpc = { cluster_name: 'xds-grpc' };
/** The control plane's port for who proves itself. */
const CONTROL_PLANE_PORT = 15012;

interface LimitedProxy {
  readonly namespace: string;
  readonly labels: Labels;
  readonly identity?: IdentitySource;
}

export function rateLimitViewOf(world: WorldView, proxy: LimitedProxy, viewer: Viewer): RateLimitView {
  const { namespace, labels, identity } = proxy;
  const limits = world.rateLimits(namespace, labels).map(({ metadata }) => nameKey(metadata.namespace, metadata.name));
  if (limits.length === 0) return { key: '', limits, service: BOOTSTRAP };
  const service = (identity === 'ads' && asMember(world, viewer)) || BOOTSTRAP;
  return { key: [...limits, service.cluster_name].join(','), limits, service };
}

/**
 * A certificate that comes over ADS is there too late for a cluster of the bootstrap (Envoy ends with an error there), so such a
 * proxy calls the control plane as the Service that it is, by the mutual TLS that its DestinationRule asks for.
 */
function asMember(world: WorldView, viewer: Viewer): EnvoyGrpc | undefined {
  const service = `${world.rootNamespace()}/${controlPlaneName(world.revision())}`;
  const target = providerCluster(world, viewer, { service, port: CONTROL_PLANE_PORT });
  // The name of the cluster, which Envoy would send, is no name of a host.
  return target && { cluster_name: target.cluster, authority: target.hostname };
}

export function limitsOf(world: WorldView, { limits }: RateLimitView): RateLimit[] {
  return limits.flatMap((key) => world.rateLimit(...partsOfName(key)) ?? []);
}
