/** Which traffic policy holds for a cluster: the DestinationRule's, overridden by the subset's, replaced by the port's. */
import type {
  ClientTLSSettings,
  ConnectionPoolSettings,
  DestinationRule,
  LoadBalancerSettings,
  OutlierDetection,
  PortTrafficPolicy,
  ProxyProtocol,
  RetryBudget,
  Subset,
  TrafficPolicy,
  Tunnel,
} from '../api';
import type { BackendTls } from '../world';

/** The policy of one cluster, with nothing left to inherit. */
export interface EffectivePolicy {
  readonly loadBalancer?: LoadBalancerSettings;
  readonly connectionPool?: ConnectionPoolSettings;
  readonly outlierDetection?: OutlierDetection;
  readonly tls?: ClientTLSSettings;
  readonly tunnel?: Tunnel;
  readonly proxyProtocol?: ProxyProtocol;
  readonly retryBudget?: RetryBudget;
}

/**
 * The policy for one port of a host, or of one of its subsets.
 *
 * A port's policy replaces the level's policy as a whole; a subset's policy overrides its host's field by field.
 *
 * @param rules the DestinationRules of the host, oldest first: the first policy counts.
 */
export function effectivePolicy(rules: readonly DestinationRule[], port: number, subset?: string): EffectivePolicy {
  const whole: TrafficPolicy = rules.find(({ spec }) => spec.trafficPolicy)?.spec.trafficPolicy ?? {};
  const wholeSubset: TrafficPolicy =
    (subset ? subsetsOf(rules).find(({ name }) => name === subset)?.trafficPolicy : undefined) ?? {};
  const host = forPort(whole, port) ?? {};
  const ofSubset = forPort(wholeSubset, port);
  return {
    loadBalancer: ofSubset?.loadBalancer ?? host.loadBalancer,
    connectionPool: ofSubset?.connectionPool ?? host.connectionPool,
    outlierDetection: ofSubset?.outlierDetection ?? host.outlierDetection,
    tls: ofSubset?.tls ?? host.tls,
    // What ports cannot say for themselves holds for all of them.
    tunnel: wholeSubset.tunnel ?? whole.tunnel,
    proxyProtocol: wholeSubset.proxyProtocol ?? whole.proxyProtocol,
    retryBudget: wholeSubset.retryBudget ?? whole.retryBudget,
  };
}

/**
 * TLS that a client asks for itself goes before what a BackendTLSPolicy asks for; that goes before the mesh's own, and
 * before none.
 */
export function withBackendTls(policy: EffectivePolicy, backendTls: BackendTls | undefined): EffectivePolicy {
  return backendTls && !(policy.tls && isEncrypted(policy.tls)) ? { ...policy, tls: backendTls } : policy;
}

/** Settings of a BackendTLSPolicy, rather than of a DestinationRule. */
export function isOfBackend(tls: ClientTLSSettings | undefined): tls is BackendTls {
  return tls !== undefined && 'policy' in tls;
}

function forPort(policy: TrafficPolicy | undefined, port: number): TrafficPolicy | PortTrafficPolicy | undefined {
  return policy?.portLevelSettings?.find((settings) => settings.port?.number === port) ?? policy;
}

/** The subsets of a host; of several with one name the oldest counts. */
export function subsetsOf(rules: readonly DestinationRule[]): readonly Subset[] {
  const byName = new Map<string, Subset>();
  for (const { spec } of rules) {
    for (const subset of spec.subsets ?? []) if (!byName.has(subset.name)) byName.set(subset.name, subset);
  }
  return [...byName.values()];
}

/** The policies of a rule, of all levels. */
function policiesOf({ spec }: DestinationRule): (TrafficPolicy | PortTrafficPolicy)[] {
  const whole = [spec.trafficPolicy, ...(spec.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)];
  return whole.flatMap((policy) => (policy ? [policy, ...(policy.portLevelSettings ?? [])] : []));
}

/** The TLS settings of the rules that take certificates from Secrets. */
export function credentialsOfRules(rules: readonly DestinationRule[]): ClientTLSSettings[] {
  return rules.flatMap((rule) =>
    policiesOf(rule).flatMap(({ tls }) => (tls?.credentialName && isEncrypted(tls) ? [tls] : [])),
  );
}

function isEncrypted({ mode }: ClientTLSSettings): boolean {
  return mode === 'SIMPLE' || mode === 'MUTUAL';
}
