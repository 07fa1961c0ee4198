/**
 * How a cluster secures its connections: as the DestinationRule says, and where it says nothing, by mutual TLS to each
 * endpoint that takes it (automatic mTLS), and in plaintext to all others.
 * https://istio.io/latest/docs/ops/configuration/traffic-management/tls-configuration/#auto-mtls
 */
import type { MeshConfig } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { isHttp, type WorldView } from '../world';
import { trustDomainsOf } from './authorization';
import { meshClientTls, OFFERED } from './mesh-tls';
import { MUTUAL_TLS_MATCH } from './metadata';
import { outboundServerName } from './names';
import { groupsOfTarget, isOriginalDestination, type OutboundTarget } from './outbound-target';
import { RAW_BUFFER, withProxyProtocol } from './proxy-protocol';
import { clientTlsParameters, meshTlsParameters } from './tls-parameters';
import type { EffectivePolicy } from './traffic-policy';
import { speaksHttp2 } from './upstream-http';
import { declaredNames, upstreamTls } from './upstream-tls';

type Cluster = envoy.config.cluster.v3.Cluster;
type Security = Pick<Cluster, 'transport_socket' | 'transport_socket_matches'>;

export function upstreamSecurity(world: WorldView, target: OutboundTarget, policy: EffectivePolicy): Security {
  const { proxyProtocol } = policy;
  if (showsIdentity(target, policy)) {
    return socketOf(withProxyProtocol(proxyProtocol, meshSocket(world, target, policy)));
  }
  if (policy.tls?.mode) {
    const isHttp2 = speaksHttp2(policy, target.service, target.port, world.meshConfig());
    return socketOf(
      withProxyProtocol(
        proxyProtocol,
        upstreamTls(policy.tls, target, { isHttp2, parameters: clientTlsParameters(world.meshConfig()) }),
      ),
    );
  }
  if (!isAutomatic(target, world.meshConfig())) return socketOf(withProxyProtocol(proxyProtocol, undefined));
  const secure = withProxyProtocol(proxyProtocol, meshSocket(world, target, policy));
  const plain = withProxyProtocol(proxyProtocol, undefined);
  // The addresses that clients choose carry no labels: all of them have to take it.
  if (isOriginalDestination(target)) return socketOf(allTakeMutualTls(target) ? secure : plain);
  return {
    transport_socket_matches: [
      { name: 'tlsMode-istio', match: MUTUAL_TLS_MATCH, transport_socket: secure },
      { name: 'tlsMode-disabled', match: {}, transport_socket: plain ?? RAW_BUFFER },
    ],
  };
}

/** The DestinationRule asks for the workload's own certificate, and there is one. */
export function showsIdentity({ identity }: Pick<OutboundTarget, 'identity'>, { tls }: EffectivePolicy): boolean {
  return identity !== undefined && tls?.mode === 'ISTIO_MUTUAL';
}

/** Nobody outside the mesh knows its certificates. */
function isAutomatic({ identity, service }: OutboundTarget, { enableAutoMtls = true }: MeshConfig): boolean {
  return identity !== undefined && enableAutoMtls && !service.external;
}

function allTakeMutualTls(target: OutboundTarget): boolean {
  const endpoints = groupsOfTarget(target).flatMap((group) => group.endpoints);
  return endpoints.length > 0 && endpoints.every(({ mutualTls }) => mutualTls);
}

function meshSocket(world: WorldView, target: OutboundTarget, policy: EffectivePolicy) {
  const { service, port, subset, identity } = target;
  const written = policy.tls?.subjectAltNames ?? [];
  return meshClientTls({
    identity: identity!,
    trustDomains: trustDomainsOf(world.meshConfig()),
    parameters: meshTlsParameters(world.meshConfig()),
    // What a rule names takes the place of what is known.
    accounts: written.length > 0 ? [] : world.serviceAccounts(service.key),
    names: written.length > 0 ? written : declaredNames(service),
    sni: policy.tls?.sni || outboundServerName(service.hostname, port.number, subset),
    alpn: OFFERED[spoken(world.meshConfig(), target, policy)],
  });
}

function spoken(mesh: MeshConfig, { service, port }: OutboundTarget, policy: EffectivePolicy): keyof typeof OFFERED {
  if (speaksHttp2(policy, service, port, mesh)) return 'http2';
  // What the client speaks is not known here; a server that knows its port for HTTP finds out by itself.
  const isOpen = policy.connectionPool?.http?.useClientProtocol;
  return isHttp(port.protocol) && !isOpen ? 'http1' : 'other';
}

function socketOf(socket: Cluster['transport_socket']): Security {
  return socket ? { transport_socket: socket } : {};
}
