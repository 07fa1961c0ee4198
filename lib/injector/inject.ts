/** Pod → Pod with a sidecar. Whatever is not a Pod that wants one comes back as it is, the very same value. */
import type { MeshProxyConfig } from '../api';
import type { Container, PodSpec } from '../api/kubernetes';
import type { KubeObject, ObjectMeta } from '../api/object';
import { originOf, withOrigin } from '../api/origin';
import {
  type BootstrapPatch,
  type ConfiguredPod,
  canonicalRevision,
  canonicalService,
  PROXY_CONFIG_ANNOTATION,
  readProxyConfig,
  type StartingProxy,
} from '../world';
import { withBootstrapPatches } from './bootstrap-patch';
import { identityAnnotations, identityLabels, identityVolume } from './identity';
import { overridesOf } from './overrides';
import { proxiedProbes } from './probes';
import { initContainer, PROXY_CONTAINER, type ProxyOptions, sidecarContainer } from './proxy-container';
import { ProxyPort } from './proxy-port';
import { servedSettings } from './proxy-settings';
import { parsePorts, parseRanges, type RedirectionOptions } from './redirection';
import { mergedInclusion, statsInclusionOf } from './stats-matcher';

const INTERCEPTION_MODE = 'sidecar.istio.io/interceptionMode';
const REWRITE_PROBES = 'sidecar.istio.io/rewriteAppHTTPProbers';

/** A Pod or a Pod template. */
export interface Injectable {
  metadata?: Partial<ObjectMeta>;
  spec?: PodSpec;
}

/** The workload's name is the object's own where it is not said. */
export type InjectOptions = Omit<ProxyOptions, 'workload' | 'interception'> & {
  workload?: string;
  /** The proxy answers DNS (the mesh configuration's ISTIO_META_DNS_CAPTURE tells it to). Default: not. */
  captureDns?: boolean;
  /**
   * How traffic gets into the sidecar: redirected by an init container, or by nobody. The Pod's annotation
   * `sidecar.istio.io/interceptionMode` goes before it: `NONE` is explicit. Default `transparent`.
   */
  capture?: 'transparent' | 'explicit';
  /** The settings of a Pod's proxy. Default: what its annotation `proxy.istio.io/config` says. */
  settingsFor?: (pod: ConfiguredPod) => MeshProxyConfig;
  /** What EnvoyFilters change of the bootstrap of a Pod's proxy. Default: nothing. */
  bootstrapPatchesFor?: (proxy: StartingProxy) => readonly BootstrapPatch[];
};

/**
 * Injects whatever makes Pods: Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, and a List of them.
 * Every other object comes back unchanged.
 * @throws when an annotation that steers the redirection cannot be read.
 */
export function injectObject<T extends KubeObject>(object: T, options: InjectOptions = {}): T {
  const injected = injectAny(object, options);
  const origin = originOf(object);
  return injected === object || !origin ? (injected as T) : withOrigin(injected as T, origin);
}

function injectAny(object: KubeObject, options: InjectOptions): KubeObject {
  const named = { ...options, workload: options.workload ?? object.metadata?.name };
  switch (object.kind) {
    case 'Pod':
      return inject(object as KubeObject<PodSpec>, named);
    case 'Deployment':
    case 'StatefulSet':
    case 'DaemonSet':
    case 'ReplicaSet':
    case 'Job':
      return atTemplate(object, ['spec'], named);
    case 'CronJob':
      return atTemplate(object, ['spec', 'jobTemplate', 'spec'], named);
    case 'List': {
      const items = (object.items as KubeObject[] | undefined) ?? [];
      const injected = items.map((item) => injectObject(item, options));
      return injected.some((item, i) => item !== items[i]) ? { ...object, items: injected } : object;
    }
    default:
      return object;
  }
}

/** Replaces the `template` that is found under `path`, copying only what leads there. */
function atTemplate<T extends object>(value: T, path: string[], options: InjectOptions): T {
  const [key = 'template', ...rest] = path;
  const inner = (value as Record<string, unknown>)[key];
  if (typeof inner !== 'object' || inner === null) return value;
  const changed = path.length > 0 ? atTemplate(inner, rest, options) : inject(inner as Injectable, { ...options });
  return changed === inner ? value : { ...value, [key]: changed };
}

/**
 * The Pod or Pod template with `malha-init` and the sidecar `istio-proxy` in front of its init containers: init
 * containers of the application then already talk through the mesh, as on Istio with native sidecars.
 *
 * Left as they are: Pods that have an `istio-proxy`, Pods on the host's network (the redirection would capture the
 * node), and Pods whose label or annotation `sidecar.istio.io/inject` says `false` (the label wins). Annotations change the proxy (`overrides.ts`).
 * @throws when an annotation cannot be read.
 */
export function inject<T extends Injectable>(template: T, options: InjectOptions = {}): T {
  const { metadata = {}, spec } = template;
  if (!spec || !wantsSidecar(template)) return template;
  const { proxyImage, ...overrides } = overridesOf(metadata.annotations ?? {});
  const settings = settingsOf(template, options.settingsFor);
  const workload = options.workload ?? metadata.name ?? metadata.labels?.app ?? spec.containers?.[0]?.name ?? 'unknown';
  const redirection = {
    ...redirectionOf(metadata.annotations ?? {}),
    captureDns: options.captureDns,
    proxyId: options.proxyId,
  };
  const isExplicit = isCapturedExplicitly(metadata.annotations ?? {}, settings.capture ?? options.capture);
  const inits = isExplicit ? [] : [initContainer(redirection, options.images?.init)];
  const labels = {
    ...canonicalLabels(metadata.labels ?? {}, workload),
    ...metadata.labels,
  };
  const asked = metadata.annotations?.[REWRITE_PROBES] !== 'false';
  const own = asked ? proxiedProbes(spec.containers ?? []) : { containers: spec.containers, probes: [] };
  const early = asked ? proxiedProbes(spec.initContainers ?? []) : { containers: spec.initContainers, probes: [] };
  const sidecar = sidecarContainer({
    ...options,
    probes: [...own.probes, ...early.probes],
    images: { ...options.images, proxy: proxyImage ?? settings.image ?? options.images?.proxy },
    resources: overrides.resources ?? options.resources,
    concurrency: settings.concurrency ?? options.concurrency,
    drainSeconds: settings.drainSeconds ?? options.drainSeconds,
    terminationDrainSeconds: settings.terminationDrainSeconds ?? options.terminationDrainSeconds,
    runtime: settings.runtime ?? options.runtime,
    fileFlushMilliseconds: settings.fileFlushMilliseconds,
    fileFlushKilobytes: settings.fileFlushKilobytes,
    environment: { ...options.environment, ...settings.environment },
    logLevel: overrides.logLevel ?? options.logLevel,
    workload,
    labels,
    interception: isExplicit ? 'NONE' : 'REDIRECT',
    stats: mergedInclusion(options.stats, settings.stats, statsInclusionOf(metadata.annotations ?? {})),
  });
  const injected = {
    ...template,
    metadata: {
      ...metadata,
      labels,
      annotations: {
        // `kubectl logs` and `kubectl exec` mean the application.
        ...(spec.containers?.[0] && { 'kubectl.kubernetes.io/default-container': spec.containers[0].name }),
        ...scrapeAnnotations(metadata.annotations ?? {}),
        ...metadata.annotations,
        ...(isExplicit && { [INTERCEPTION_MODE]: 'NONE' }),
        'sidecar.istio.io/status': JSON.stringify({
          initContainers: [...inits, sidecar].map(({ name }) => name),
          containers: null,
        }),
      },
    },
    spec: {
      ...spec,
      containers: isExplicit ? own.containers?.map(throughProxy) : own.containers,
      initContainers: [...inits, sidecar, ...(early.containers ?? []).map(isExplicit ? throughProxy : same)],
    },
  };
  const { namespace = 'default' } = metadata;
  const patches = options.bootstrapPatchesFor?.({ type: 'sidecar', namespace, labels }) ?? [];
  return injectIdentity(withBootstrapPatches(injected, patches), options);
}

/**
 * What a Pod needs beside its proxy's container to prove who it is: the volume, what the volume is made of, and the label by which
 * clients know. Gateways, whose container is their own, need it alone.
 */
export function injectIdentity<T extends Injectable>(
  template: T,
  { identity = 'none', certificateSeconds }: Pick<InjectOptions, 'identity' | 'certificateSeconds'>,
): T {
  const volume = identityVolume(identity, certificateSeconds);
  if (!volume) return template;
  const { metadata = {}, spec } = template;
  return {
    ...template,
    metadata: {
      ...metadata,
      labels: { ...identityLabels(identity), ...metadata.labels },
      annotations: { ...identityAnnotations(identity), ...metadata.annotations },
    },
    spec: { ...spec!, volumes: [...(spec?.volumes ?? []), volume] },
  };
}

/** @throws when the annotation is none that is known. TPROXY keeps the client's address, for which Envoy would need rights of its own. */
function isCapturedExplicitly(annotations: Readonly<Record<string, string>>, capture?: string): boolean {
  const mode = annotations[INTERCEPTION_MODE]?.trim();
  if (mode === undefined) return capture === 'explicit';
  if (mode === 'NONE' || mode === 'REDIRECT') return mode === 'NONE';
  throw new Error(`annotation ${INTERCEPTION_MODE}: '${mode.slice(0, 100)}' is not REDIRECT or NONE`);
}

const same = (container: Container): Container => container;
const HTTP_PROXY = `http://127.0.0.1:${ProxyPort.explicitProxy}`;
/** What programs look for; what the container says itself goes before. */
const PROXY_ENVIRONMENT = {
  HTTP_PROXY,
  http_proxy: HTTP_PROXY,
  NO_PROXY: 'localhost,127.0.0.1',
  no_proxy: 'localhost,127.0.0.1',
};

/** The container with the environment by which programs find their sidecar. */
function throughProxy(container: Container): Container {
  const { env = [] } = container;
  const added = Object.entries(PROXY_ENVIRONMENT)
    .filter(([name]) => !env.some((each) => each.name === name))
    .map(([name, value]) => ({ name, value }));
  return { ...container, env: [...env, ...added] };
}

function settingsOf({ metadata = {} }: Injectable, settingsFor: InjectOptions['settingsFor']) {
  const { namespace = 'default', labels, annotations = {} } = metadata;
  const text = annotations[PROXY_CONFIG_ANNOTATION];
  const own = text === undefined ? {} : readProxyConfig(text);
  const where = `annotation ${PROXY_CONFIG_ANNOTATION}`;
  if (!own) throw new Error(`${where}: '${text?.slice(0, 100)}' is not a ProxyConfig in YAML: concurrency: 2`);
  // Whoever wrote the annotation is told first; what is wrong beside it, others have written.
  const served = servedSettings(own, where);
  return settingsFor ? servedSettings(settingsFor({ namespace, labels, annotations }), 'ProxyConfig') : served;
}

function wantsSidecar({ metadata, spec }: Injectable): boolean {
  if (spec?.hostNetwork) return false;
  if ([...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ name }) => name === PROXY_CONTAINER))
    return false;
  const wish = metadata?.labels?.['sidecar.istio.io/inject'] ?? metadata?.annotations?.['sidecar.istio.io/inject'];
  return wish !== 'false';
}

/** The names under which Istio's dashboards group workloads. */
function canonicalLabels(labels: Record<string, string>, workload: string): Record<string, string> {
  return {
    'service.istio.io/canonical-name': canonicalService(labels, workload),
    'service.istio.io/canonical-revision': canonicalRevision(labels),
  };
}

/** How a Prometheus that goes by annotations finds the proxy's metrics. An application that says where its own are, is heard. */
function scrapeAnnotations(annotations: Record<string, string>): Record<string, string> {
  if (Object.keys(annotations).some((name) => name.startsWith('prometheus.io/'))) return {};
  return {
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(ProxyPort.metrics),
    'prometheus.io/path': '/stats/prometheus',
  };
}

/** What a Pod's annotations say about traffic that should not pass the proxy. @throws when one cannot be read. */
export function redirectionOf(annotations: Record<string, string>): RedirectionOptions {
  const read = <T>(name: string, parse: (text: string, what: string) => T[]): T[] | undefined => {
    const key = `traffic.sidecar.istio.io/${name}`;
    const text = annotations[key]?.trim();
    return text === undefined || text === '*' ? undefined : parse(text, `annotation ${key}`);
  };
  return {
    includeInboundPorts: read('includeInboundPorts', parsePorts),
    excludeInboundPorts: read('excludeInboundPorts', parsePorts),
    excludeOutboundPorts: read('excludeOutboundPorts', parsePorts),
    includeOutboundRanges: read('includeOutboundIPRanges', parseRanges),
    excludeOutboundRanges: read('excludeOutboundIPRanges', parseRanges),
  };
}
