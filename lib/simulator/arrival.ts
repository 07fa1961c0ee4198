/** What becomes of a call at the sidecar of the workload that it is for. */
import type { envoy } from '../envoy/generated/envoy';
import type { Snapshot } from '../envoy/resource';
import type { Answer, Destination, Forward, Refusal } from './answer';
import type { Question } from './ask';
import type { Call } from './authorization';
import { guarded, type Pass } from './guards';
import { routedRequest } from './simulate';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;
type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

const MANAGER = '.HttpConnectionManager';

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
    const peer = speaksMutualTls(snapshot, destination.cluster) ? identity : undefined;
    const refused: Refusal[] = [];
    const endpoints = destination.endpoints.filter((endpoint) => {
      const call = callAt(endpoint, answer, question, peer);
      const sidecar = question.sidecarAt?.(call.destinationAddress);
      const result = sidecar && arrive(sidecar, call);
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

/** Whether the cluster shows the certificate of the workload to its endpoints. */
function speaksMutualTls({ clusters }: Snapshot, name: string): boolean {
  const cluster = clusters.find((each) => each.name === name)?.message as envoy.config.cluster.v3.Cluster | undefined;
  const sockets = [
    cluster?.transport_socket,
    ...(cluster?.transport_socket_matches ?? []).map(({ transport_socket: socket }) => socket),
  ];
  return sockets.some((socket) => JSON.stringify(socket ?? null).includes('tls_certificate_sds_secret_configs'));
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

/** @param snapshot of the workload's own proxy. */
export function arrive(snapshot: Snapshot, call: Call): Refusal | Pass {
  const chain = chainFor(snapshot, call);
  if (!chain) return { kind: 'refusal', why: `port ${call.destinationPort} takes no connection of this kind` };
  const configs = (chain.filters ?? []).map(({ typed_config }) => typed_config);
  const manager = configs.find((config) => config?.['@type'].endsWith(MANAGER)) as Manager | undefined;
  if (!manager) return guarded(configs, { ...call, http: undefined });
  return guarded(
    (manager.http_filters ?? []).map(({ typed_config }) => typed_config),
    call,
  );
}

/**
 * A chain of the listener of all inbound ports, or the listener of the one port. Callers with an identity come by TLS,
 * others without.
 */
function chainFor({ listeners }: Snapshot, { destinationPort: port, peer, http }: Call): FilterChain | undefined {
  const inbound = listeners
    .map(({ message }) => message as Listener)
    .filter(({ traffic_direction: direction }) => direction === 'INBOUND');
  const own = inbound.find(({ address }) => address?.socket_address?.port_value === port);
  const listener = own ?? inbound.find(({ name }) => name === 'virtualInbound');
  const chains = listener?.filter_chains ?? [];
  const ofPort = own ? chains : chains.filter(({ filter_chain_match: match }) => match?.destination_port === port);
  const rest = chains.filter(({ filter_chain_match: match }) => match?.destination_port === undefined);
  const candidates = ofPort.length > 0 ? ofPort : rest;
  const secure = ({ transport_socket: socket }: FilterChain) => socket !== undefined;
  const fitting = candidates.filter((chain) => secure(chain) === (peer !== undefined));
  const isHttp = ({ filters = [] }: FilterChain) =>
    filters.some(({ typed_config: config }) => config?.['@type'].endsWith(MANAGER));
  return fitting.find((chain) => isHttp(chain) === (http !== undefined)) ?? fitting[0];
}
