/** What becomes of a call at the sidecar of the workload that it is for. */
import type { envoy } from '../envoy/generated/envoy';
import type { Snapshot } from '../envoy/resource';
import type { Answer, Destination, Forward, Refusal } from './answer';
import type { Question } from './ask';
import type { Call } from './authorization';
import { guarded, type Pass } from './guards';
import { findFilterChain } from './listener';
import { routedRequest } from './simulate';
import { matchesString } from './string-matcher';
import { type ClientTls, clientTlsOf } from './transport';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;
type DownstreamTls = envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext;
type TcpProxy = envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy;
type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

const MANAGER = '.HttpConnectionManager';
const TCP_PROXY = '.TcpProxy';
const BLACK_HOLE = 'BlackHoleCluster';

/**
 * The answer of the caller's proxy, as far as the sidecars of the destinations agree: the part of the requests that they
 * refuse goes nowhere.
 * @param snapshot of the caller's proxy.
 * @param identity of the caller, which it shows where it speaks mutual TLS.
 */
export function arriving(snapshot: Snapshot, answer: Forward, question: Question, identity: string): Answer {
  const refusals: Refusal[] = [];
  const asked = new Set(answer.asked);
  const destinations = answer.destinations.flatMap((destination): Destination[] => {
    const refused: Refusal[] = [];
    const endpoints = destination.endpoints.filter((endpoint) => {
      const tls = clientTlsOf(snapshot, destination.cluster, endpoint);
      const call = callAt(endpoint, answer, question, tls?.showsIdentity ? identity : undefined);
      const sidecar = question.sidecarAt?.(call.destinationAddress);
      const result = sidecar && arrive(sidecar, call, tls);
      if (result?.kind === 'refusal') refused.push(result);
      else for (const cluster of result?.asked ?? []) asked.add(cluster);
      return result?.kind !== 'refusal';
    });
    const [first] = refused;
    if (!first) return [destination];
    refusals.push(...refused);
    const share = (destination.share * endpoints.length) / destination.endpoints.length;
    const nowhere = { ...destination, share: destination.share - share, endpoints: [], status: first.status };
    return endpoints.length > 0 ? [{ ...destination, share, endpoints }, nowhere] : [nowhere];
  });
  const isAnywhere = destinations.some(({ endpoints, cluster }) => endpoints.length > 0 || !hasRefused(cluster));
  if (refusals[0] && !isAnywhere) return refusals[0];
  return { ...answer, destinations, ...(asked.size > 0 && { asked: [...asked] }) };

  function hasRefused(cluster: string): boolean {
    return answer.destinations.some((each) => each.cluster === cluster && each.endpoints.length > 0);
  }
}

function callAt(endpoint: string, answer: Forward, question: Question, peer: string | undefined): Call {
  const colon = endpoint.lastIndexOf(':');
  const { method, headers } = routedRequest({ ...question, authority: '', port: 0 });
  const forwarded = headers.get('x-forwarded-for')?.at(-1)?.split(',').pop()?.trim();
  const { from } = question;
  const claims = answer.keepsToken ? undefined : question.claims;
  return {
    peer,
    sourceAddress: from.ip,
    ...(forwarded && { remoteAddress: forwarded }),
    destinationAddress: endpoint.slice(0, colon),
    destinationPort: Number(endpoint.slice(colon + 1)),
    ...(answer.path !== undefined && {
      http: { method, path: answer.path, authority: answer.authority ?? '', headers, claims },
    }),
  };
}

/**
 * @param snapshot of the workload's own proxy.
 * @param tls what the caller's proxy speaks; undefined: plaintext.
 */
export function arrive(snapshot: Snapshot, call: Call, tls?: ClientTls): Refusal | Pass {
  const chain = chainFor(snapshot, call, tls);
  const why = notTaken(chain, call, tls);
  if (!chain || why !== undefined) return { kind: 'refusal', ...(call.http && { status: 503 }), why: why! };
  const configs = configsOf(chain);
  const manager = configs.find((config) => config?.['@type'].endsWith(MANAGER)) as Manager | undefined;
  const sni = tls?.sni;
  if (!manager) return guarded(configs, { ...call, sni, http: undefined });
  return guarded(
    (manager.http_filters ?? []).map(({ typed_config }) => typed_config),
    { ...call, sni },
  );
}

const configsOf = ({ filters = [] }: FilterChain) => filters.map(({ typed_config }) => typed_config);

/** Why the connection comes to nothing before anything is read from it; undefined where it stands. */
function notTaken(chain: FilterChain | undefined, call: Call, tls: ClientTls | undefined): string | undefined {
  const { destinationPort: port } = call;
  if (!chain) {
    return tls
      ? `port ${port} takes no TLS of this kind`
      : `port ${port} takes only mutual TLS, and the caller speaks plaintext to it`;
  }
  const configs = configsOf(chain);
  const tcp = configs.find((config) => config?.['@type'].endsWith(TCP_PROXY)) as TcpProxy | undefined;
  if (tcp?.cluster === BLACK_HOLE) {
    return `port ${port} takes only mutual TLS, and the proxy there has no identity to speak it with`;
  }
  const server = chain.transport_socket?.typed_config as DownstreamTls | undefined;
  if (!server) {
    const isHttp = configs.some((config) => config?.['@type'].endsWith(MANAGER));
    return tls && isHttp ? `port ${port} takes plaintext, and the caller speaks TLS to it` : undefined;
  }
  if (server.require_client_certificate && !call.peer) {
    return `port ${port} takes only mutual TLS, and the caller shows no certificate of the mesh`;
  }
  const names =
    server.common_tls_context?.combined_validation_context?.default_validation_context?.match_typed_subject_alt_names;
  const isKnown = !names?.length || names.some(({ matcher }) => matchesString(matcher ?? {}, call.peer ?? ''));
  return isKnown ? undefined : `port ${port} takes only certificates of its own trust domain, not ${call.peer}`;
}

/** A chain of the listener of all inbound ports, or of the listener of the one port. */
function chainFor({ listeners }: Snapshot, call: Call, tls: ClientTls | undefined): FilterChain | undefined {
  const { destinationPort: port, destinationAddress: address, http } = call;
  const inbound = listeners
    .map(({ message }) => message as Listener)
    .filter(({ traffic_direction: direction }) => direction === 'INBOUND');
  const own = inbound.find(({ address: bound }) => bound?.socket_address?.port_value === port);
  const listener = own ?? inbound.find(({ name }) => name === 'virtualInbound');
  const alpn = http && tls ? [...tls.alpn, ...UNDECLARED_HTTP] : tls?.alpn;
  return listener && findFilterChain(listener, { address, port, isHttp: http !== undefined, sni: tls?.sni, alpn });
}

/** Where nothing is declared, the route of a request has its cluster offer this. */
const UNDECLARED_HTTP = ['istio-http/1.1'];
