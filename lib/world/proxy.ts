/** A proxy: one Envoy, and the workload that it stands beside. Labels come from the World, never from the proxy. */
import type { Container, Pod } from '../api/kubernetes';
import { isIpAddress, isLoopback } from './hostname';
import { type Labels, selects } from './labels';
import type { WorldView } from './view';
import { type IdentitySource, identitySourceOf, identitySourceOfEntry } from './workload-identity';

/** How traffic gets into a sidecar: by iptables, or because applications and Service ports name its addresses. */
export type Capture = 'REDIRECT' | 'NONE';

export interface Proxy {
  /** The node id: `sidecar~IP~POD.NS~NS.svc.cluster.local`, `router~…`. */
  readonly id: string;
  readonly type: 'sidecar' | 'router';
  /** Of the Pod or WorkloadEntry. */
  readonly name: string;
  readonly namespace: string;
  readonly ip: string;
  readonly labels: Labels;
  /** Where it finds its key and certificate; absent: it has none, and speaks no mutual TLS. */
  readonly identity?: IdentitySource;
  /** Envoy's version, where the proxy has said it: `1.40.0`. */
  readonly envoyVersion?: string;
  /** What the proxy says of itself beside that; only EnvoyFilters ask. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly capture: Capture;
  /** Where the application listens (explicit capture), and where its HTTP proxy is. Default 127.0.0.1. */
  readonly appAddress: string;
}

/** What a proxy says about itself in xDS. */
export interface NodeIdentifier {
  readonly id: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly version?: string;
}

const DEFAULT_APP_ADDRESS = '127.0.0.1';
const PROXY_CONTAINER = 'istio-proxy';
const INTERCEPTION_ANNOTATION = 'sidecar.istio.io/interceptionMode';
/** Where the application of a Pod listens for its proxy: loopback addresses of one machine are many. */
export const APP_ADDRESS_ANNOTATION = 'malha.dev/app-address';

/**
 * The proxy that a node id names. Undefined when the id is not of the form `TYPE~IP~NAME.NAMESPACE~DOMAIN`, or when the
 * World knows no Pod (or WorkloadEntry) of that name.
 */
export function proxyOf(view: WorldView, node: NodeIdentifier): Proxy | undefined {
  const [type, ip, workload, domain, ...rest] = node.id.split('~');
  if ((type !== 'sidecar' && type !== 'router') || !ip || !workload || !domain || rest.length > 0) return undefined;
  if (!isIpAddress(ip)) return undefined;
  const named = splitName(workload);
  if (!named) return undefined;
  const known = workloadNamed(view, named);
  if (!known) return undefined;
  const { INTERCEPTION_MODE, MALHA_APP_ADDRESS } = node.metadata ?? {};
  const appAddress = typeof MALHA_APP_ADDRESS === 'string' && isIpAddress(MALHA_APP_ADDRESS) ? MALHA_APP_ADDRESS : '';
  return {
    id: node.id,
    type,
    ...named,
    ip,
    ...known,
    ...(node.version && { envoyVersion: node.version }),
    ...(node.metadata && { metadata: node.metadata }),
    capture: INTERCEPTION_MODE === 'NONE' ? 'NONE' : 'REDIRECT',
    appAddress: appAddress || DEFAULT_APP_ADDRESS,
  };
}

/**
 * The proxy beside a workload, `NAME.NAMESPACE`, as it would connect. NAME is a Pod's, or that of the controller that
 * made it (the first Pod by name). Undefined when there is no such Pod.
 */
export function proxyNamed(
  view: WorldView,
  fullName: string,
  overrides: Partial<Pick<Proxy, 'type' | 'capture' | 'appAddress' | 'ip'>> = {},
): Proxy | undefined {
  const named = splitName(fullName);
  if (!named) return undefined;
  const { namespace } = named;
  const pod = view.pod(namespace, named.name) ?? view.pods(namespace).find((each) => isMadeBy(each, named.name));
  if (!pod) return undefined;
  const name = pod.metadata.name;
  const labels = pod.metadata.labels ?? {};
  const identity = identitySourceOf(pod);
  const type = overrides.type ?? (isGateway(view, pod) ? 'router' : 'sidecar');
  const ip = overrides.ip ?? pod.status?.podIP ?? '0.0.0.0';
  return {
    id: `${type}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    type,
    name,
    namespace,
    ip,
    labels,
    ...(identity && { identity }),
    capture:
      overrides.capture ?? (pod.metadata.annotations?.[INTERCEPTION_ANNOTATION] === 'NONE' ? 'NONE' : 'REDIRECT'),
    appAddress: overrides.appAddress ?? appAddressOf(pod),
  };
}

/** Whoever writes a Pod must not be able to lead its traffic to another machine. */
function appAddressOf({ metadata }: Pod): string {
  const said = metadata.annotations?.[APP_ADDRESS_ANNOTATION];
  return said !== undefined && isLoopback(said) ? said : DEFAULT_APP_ADDRESS;
}

/** A Pod's name may contain dots, a namespace may not. */
function splitName(fullName: string): { name: string; namespace: string } | undefined {
  const dot = fullName.lastIndexOf('.');
  if (dot <= 0 || dot === fullName.length - 1) return undefined;
  return { name: fullName.slice(0, dot), namespace: fullName.slice(dot + 1) };
}

function workloadNamed(
  view: WorldView,
  { name, namespace }: { name: string; namespace: string },
): Pick<Proxy, 'labels' | 'identity'> | undefined {
  const pod = view.pod(namespace, name);
  const entry = pod ? undefined : view.workloadEntries(namespace).find((each) => each.metadata.name === name);
  const labels = pod ? pod.metadata.labels : entry?.spec.labels;
  const identity = pod ? identitySourceOf(pod) : entry && identitySourceOfEntry(entry);
  return pod || entry ? { labels: labels ?? {}, ...(identity && { identity }) } : undefined;
}

/** Made by the controller itself, or by a ReplicaSet of the Deployment (whose name has one more part). */
function isMadeBy(pod: Pod, controller: string): boolean {
  const owners = (pod.metadata as { ownerReferences?: { kind?: string; name?: string }[] }).ownerReferences ?? [];
  return owners.some(
    ({ kind, name = '' }) =>
      name === controller || (kind === 'ReplicaSet' && name.slice(0, name.lastIndexOf('-')) === controller),
  );
}

/** The proxy's own arguments tell; else a Gateway that selects the Pod, where no sidecar is. */
function isGateway(view: WorldView, pod: Pod): boolean {
  const containers: Container[] = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const proxy = containers.find(({ name }) => name === PROXY_CONTAINER);
  const args = [...(proxy?.command ?? []), ...(proxy?.args ?? [])];
  if (args.some((arg) => arg === 'router' || arg.startsWith('router~'))) return true;
  if (args.some((arg) => arg === 'sidecar' || arg.startsWith('sidecar~'))) return false;
  const labels = pod.metadata.labels ?? {};
  return view
    .gateways(pod.metadata.namespace ?? 'default', labels)
    .some(({ spec }) => Object.keys(spec.selector ?? {}).length > 0 && selects(spec.selector, labels));
}
