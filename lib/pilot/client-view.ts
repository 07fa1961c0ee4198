/**
 * What distinguishes clients. Proxies that agree on it get the very same outbound resources; everything else about a
 * proxy (its name, address, other labels) is left out on purpose, so that nothing can come to depend on it.
 */
import type { Capture, IdentitySource, Labels, Proxy, Viewer, WorldView } from '../world';
import {
  canonicalService,
  GATEWAY_NAME_LABEL,
  labelsKey,
  localityOf,
  normalized,
  placeLabels,
  scopeOf,
  viewerOf,
} from '../world';
import { type EgressView, type Elsewhere, egressViews, elsewhereOf } from './egress';
import type { Place } from './locality';
import { type OwnSettings, ownSettingsOf } from './own-settings';
import { tracesNeedServiceName } from './tracing';

export interface ClientView {
  /** Two views with equal keys are interchangeable. */
  readonly key: string;
  /** Stands for all that clusters and endpoints depend on: also the place, which nothing else depends on. */
  readonly clusterKey: string;
  readonly type: 'sidecar' | 'router';
  readonly namespace: string;
  /** As whom the proxy looks at the mesh: its namespace, narrowed by its Sidecar. */
  readonly viewer: Viewer;
  readonly capture: Capture;
  /** What it listens on for its application. */
  readonly egress: readonly EgressView[];
  readonly elsewhere: Elsewhere;
  readonly place: Place;
  /** Of a Gateway of the Gateway API: the credential that it shows to backends; else empty. */
  readonly backendCertificate: string;
  /** Of a sidecar, only the labels that some object asks for; of a gateway, all. */
  readonly labels: Labels;
  /** `app.namespace`, where tracing has to be told; else empty. */
  readonly serviceName: string;
  /** Where it finds its key and certificate; undefined: it has none. */
  readonly identity?: IdentitySource;
  /** What its own settings change. */
  readonly own: OwnSettings;
  /** Envoy is too old for the logger that counts. */
  readonly unmetered: boolean;
  /** With explicit capture only: the proxy's own address, and where the application finds its HTTP proxy. */
  readonly ip: string;
  readonly appAddress: string;
}

export function clientViewOf(world: WorldView, proxy: Proxy): ClientView {
  const { type, namespace, capture, identity } = proxy;
  const sidecar = type === 'sidecar' ? world.sidecar(namespace, proxy.labels) : undefined;
  const scope = sidecar && scopeOf(sidecar);
  const viewer = viewerOf(namespace, scope?.digest, ruleLabelsOf(world, proxy));
  const elsewhere = elsewhereOf(world, namespace, sidecar?.spec?.outboundTrafficPolicy);
  const explicit = capture === 'NONE';
  const labels: Record<string, string> = {};
  const keys = type === 'router' ? Object.keys(proxy.labels) : world.distinguishingLabels();
  for (const key of keys) {
    const value = proxy.labels[key];
    if (value !== undefined) labels[key] = value;
  }
  const unmetered = isBefore(proxy.envoyVersion, FIRST_METERED);
  const serviceName = tracesNeedServiceName(world) ? serviceNameOf(proxy) : '';
  const ip = explicit ? proxy.ip : '';
  const appAddress = explicit && type === 'sidecar' ? proxy.appAddress : '';
  const place = placeOf(world, proxy);
  const own = ownSettingsOf(world, proxy);
  const gateway = type === 'router' ? proxy.labels[GATEWAY_NAME_LABEL] : undefined;
  const backendCertificate = gateway === undefined ? '' : world.backendCertificate(namespace, gateway);
  const seen = [type, capture, viewer, identity ?? ''].join('|');
  const policy = elsewhere.isRegistryOnly
    ? 'registry only'
    : elsewhere.resolvesNames
      ? 'dynamic dns'
      : elsewhere.egressProxy;
  return {
    key: [seen, policy, serviceName, ip, appAddress, labelsKey(labels), unmetered ? 'unmetered' : '', own.key].join(
      '|',
    ),
    clusterKey: `${seen}|${elsewhere.resolvesNames ? 'dynamic dns|' : ''}${JSON.stringify(Object.values(place))}${backendCertificate && `|${backendCertificate}`}${own.connections.clusterBuffer ? `|buffer ${own.connections.clusterBuffer}` : ''}`,
    type,
    namespace,
    viewer,
    capture,
    egress: egressViews(viewer, scope, capture),
    elsewhere,
    place,
    backendCertificate,
    labels,
    serviceName,
    identity,
    own,
    unmetered,
    ip,
    appAddress,
  };
}

/** The proxy's labels that DestinationRules of its namespace ask for, as JSON; empty where they ask for none. */
function ruleLabelsOf(world: WorldView, { namespace, labels }: Proxy): string {
  const asked = world.ruleLabels(namespace).filter((key) => labels[key] !== undefined);
  return asked.length > 0 ? labelsKey(Object.fromEntries(asked.map((key) => [key, labels[key]!]))) : '';
}

/** Where the proxy is, as far as any object asks. */
function placeOf(world: WorldView, { namespace, name, labels }: Proxy): Place {
  const interest = world.placeInterest();
  const asked = interest.labels;
  if (!interest.locality && !interest.node && asked.length === 0) return NOWHERE;
  const pod = world.pod(namespace, name);
  const entry = pod ? undefined : world.workloadEntries(namespace).find(({ metadata }) => metadata.name === name);
  const locality = pod ? localityOf(world, pod) : normalized(entry?.spec.locality ?? '');
  const all: Labels = { ...labels, ...placeLabels(locality) };
  return {
    locality: interest.locality ? locality : '',
    labels: Object.fromEntries(asked.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]]))),
    node: interest.node ? (pod?.spec?.nodeName ?? '') : '',
  };
}

const NOWHERE: Place = { locality: '', labels: {}, node: '' };

/** `service.namespace`, as traces name a workload. */
function serviceNameOf({ labels, name, namespace }: Proxy): string {
  return `${canonicalService(labels, name)}.${namespace}`;
}

/** The first Envoy whose logger that counts has bounds; older ones would refuse every listener that names it. */
const FIRST_METERED = [1, 40];

/** An unknown version counts as new. */
function isBefore(version: string | undefined, [major = 0, minor = 0]: readonly number[]): boolean {
  const [ours = Number.POSITIVE_INFINITY, theirs = 0] = (version ?? '').split('.').filter(Boolean).map(Number);
  return ours < major || (ours === major && theirs < minor);
}
