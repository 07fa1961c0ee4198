/** Which proxy a Pod of the manifests has, or would have got from the injection webhook. */
import type { Container, Pod } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import { inject, PROXY_CONTAINER, type ProxyIdentity, sidecarContainer } from '../injector';

/**
 * The Pod as a cluster would run it: with a sidecar where its namespace or its own label asks for injection
 * (https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/).
 * @param enrolled the namespaces that inject, of {@link namespacesThatInject}.
 */
export function asInjected(pod: Pod, enrolled: ReadonlySet<string>, identity: ProxyIdentity): Pod {
  const wish = pod.metadata.labels?.['sidecar.istio.io/inject'] === 'true';
  return wish || enrolled.has(pod.metadata.namespace ?? 'default') ? inject(pod, { identity }) : pod;
}

export function namespacesThatInject(objects: readonly KubeObject[]): Set<string> {
  const injects = ({ kind, metadata }: KubeObject) => {
    const switched = metadata.labels?.['istio-injection'];
    return (
      kind === 'Namespace' && (switched ? switched === 'enabled' : metadata.labels?.['istio.io/rev'] !== undefined)
    );
  };
  return new Set(objects.filter(injects).map(({ metadata }) => metadata.name));
}

/** The Pod's proxy container. One that starts an agent (Istio's own image) cannot run here: ours stands in. */
export function proxyOf(pod: Pod): Container | undefined {
  const container = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find(
    ({ name }) => name === PROXY_CONTAINER,
  );
  if (!container || container.args?.includes('--config-yaml')) return container;
  const ours = sidecarContainer({ workload: pod.metadata.name });
  return isRouter(container) ? { ...ours, args: ours.args?.map((arg) => arg.replace(/^sidecar~/, 'router~')) } : ours;
}

export function isRouter(proxy: Container): boolean {
  return (proxy.args ?? []).some((arg) => arg === 'router' || arg.startsWith('router~'));
}

/** The Pod without its proxy, to measure what the proxy costs. */
export function withoutProxy(pod: Pod): Pod {
  const others = (containers: Container[] = []) => containers.filter(({ name }) => name !== PROXY_CONTAINER);
  const { containers, initContainers } = pod.spec!;
  return { ...pod, spec: { ...pod.spec, containers: others(containers), initContainers: others(initContainers) } };
}
