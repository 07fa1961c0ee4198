/**
 * Pods as they run on this machine. There is no admission, so the sidecar that a namespace asks for is put in here; and there
 * is no kubelet that could make a key, so a Pod with an identity proves itself by its token, and gets its secrets over ADS. The plan
 * and the control plane look at the same Pods, each value made once.
 */
import type { EnvoyFilter } from '../api';
import type { Pod } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import { originOf, withOrigin } from '../api/origin';
import { IDENTITY_VOLUME, identityVolume, PROXY_CONTAINER, withBootstrapPatches } from '../injector';
import { APP_ADDRESS_ANNOTATION, type BootstrapPatch, bootstrapPatchesOf, World } from '../world';
import { loopbackOf } from './loopback-ranges';
import { asInjected, isRouter, namespacesThatInject, proxyOf } from './pod-proxy';

/**
 * @param objects complete: every workload has its Pods.
 * @param identity `none`: with the sidecar alone.
 */
export function podsHere(objects: readonly KubeObject[], identity: 'sds' | 'none' = 'sds'): KubeObject[] {
  const enrolled = namespacesThatInject(objects);
  const patchesFor = bootstrapPatchesIn(objects);
  return objects.map((object) =>
    object.kind === 'Pod' && object.apiVersion === 'v1'
      ? podHere(object as Pod, enrolled, identity, patchesFor)
      : object,
  );
}

/** Whether the Pod's proxy has an identity to prove. */
export function hasIdentity({ spec }: Pod): boolean {
  return (spec?.volumes ?? []).some(({ name }) => name === IDENTITY_VOLUME);
}

const made = new WeakMap<Pod, Map<string, Pod>>();

/** Equal inputs give the very same Pod, by which the World knows that nothing has changed. */
function podHere(
  pod: Pod,
  enrolled: ReadonlySet<string>,
  identity: 'sds' | 'none',
  patchesFor: (pod: Pod) => readonly BootstrapPatch[],
): Pod {
  const patches = patchesFor(pod);
  const key = `${identity} ${enrolled.has(pod.metadata.namespace ?? 'default')} ${JSON.stringify(patches)}`;
  const known = made.get(pod) ?? new Map<string, Pod>();
  made.set(pod, known);
  let here = known.get(key);
  if (!here) {
    const injected = withBootstrapPatches(asInjected(pod, enrolled, identity), patches);
    here = identity === 'none' ? injected : withToken(injected);
    const origin = originOf(pod);
    if (here !== pod && origin) here = withOrigin(here, origin);
    known.set(key, here);
    made.set(here, known);
  }
  return here;
}

/** What EnvoyFilters change of the bootstraps of Pods. Those are made here anew, however old the manifests are. */
function bootstrapPatchesIn(objects: readonly KubeObject[]): (pod: Pod) => readonly BootstrapPatch[] {
  const filters = objects.filter(({ kind }) => kind === 'EnvoyFilter') as EnvoyFilter[];
  const isForBootstrap = ({ spec }: EnvoyFilter) =>
    spec?.configPatches?.some(({ applyTo }) => applyTo === 'BOOTSTRAP') ?? false;
  if (!filters.some(isForBootstrap)) return () => [];
  const world = World.of(objects);
  return (pod) => {
    const { namespace = 'default', labels = {} } = pod.metadata;
    const proxy = proxyOf(pod);
    return bootstrapPatchesOf(world, { type: proxy && isRouter(proxy) ? 'router' : 'sidecar', namespace, labels });
  };
}

/** The volume of the second way in the place of the first. A proxy that starts an agent (Istio's own) is replaced by ours, which has one too. */
function withToken(pod: Pod): Pod {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const proxy = containers.find(({ name }) => name === PROXY_CONTAINER);
  if (!proxy || (proxy.args?.includes('--config-yaml') && !hasIdentity(pod))) return pod;
  const others = (pod.spec?.volumes ?? []).filter(({ name }) => name !== IDENTITY_VOLUME);
  const labels = { 'security.istio.io/tlsMode': 'istio', ...pod.metadata.labels };
  const annotations = { ...pod.metadata.annotations, ...captureOf(pod) };
  return {
    ...pod,
    metadata: { ...pod.metadata, labels, annotations },
    spec: { ...pod.spec!, volumes: [...others, identityVolume('sds')!] },
  };
}

/** A proxy that has proven itself is not asked how it captures: the Pod says it. */
function captureOf({ status }: Pod): Record<string, string> {
  const ip = status?.podIP ?? '';
  if (!ip.startsWith('127.')) return {};
  return { 'sidecar.istio.io/interceptionMode': 'NONE', [APP_ADDRESS_ANNOTATION]: loopbackOf(ip) };
}
