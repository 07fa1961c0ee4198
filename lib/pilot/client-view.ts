/**
 * What distinguishes clients. Proxies that agree on it get the very same outbound resources; everything else about a
 * proxy (its name, address, other labels) is left out on purpose, so that nothing can come to depend on it.
 */
import type { Capture, Labels, Proxy, WorldView } from '../world';
import { labelsKey } from '../world';
import { tracesNeedServiceName } from './tracing';

export interface ClientView {
  /** Two views with equal keys are interchangeable. */
  readonly key: string;
  /** The part of the key on which clusters and endpoints depend. */
  readonly clusterKey: string;
  readonly type: 'sidecar' | 'router';
  readonly namespace: string;
  readonly capture: Capture;
  /** Of a sidecar, only the labels that some object asks for; of a gateway, all. */
  readonly labels: Labels;
  /** `app.namespace`, where tracing has to be told; else empty. */
  readonly serviceName: string;
  /** With explicit capture only: the proxy's own address, and where the application finds its HTTP proxy. */
  readonly ip: string;
  readonly appAddress: string;
}

export function clientViewOf(world: WorldView, proxy: Proxy): ClientView {
  const { type, namespace, capture } = proxy;
  const explicit = capture === 'NONE';
  const labels: Record<string, string> = {};
  const keys = type === 'router' ? Object.keys(proxy.labels) : world.distinguishingLabels();
  for (const key of keys) {
    const value = proxy.labels[key];
    if (value !== undefined) labels[key] = value;
  }
  const serviceName = tracesNeedServiceName(world) ? serviceNameOf(proxy) : '';
  const ip = explicit ? proxy.ip : '';
  const appAddress = explicit && type === 'sidecar' ? proxy.appAddress : '';
  const clusterKey = [type, capture, namespace].join('|');
  return {
    key: [clusterKey, serviceName, ip, appAddress, labelsKey(labels)].join('|'),
    clusterKey,
    type,
    namespace,
    capture,
    labels,
    serviceName,
    ip,
    appAddress,
  };
}

/** The canonical name of a workload's service, as the API derives it from labels, and its namespace. */
function serviceNameOf({ labels, name, namespace }: Proxy): string {
  const canonical =
    labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? name;
  return `${canonical}.${namespace}`;
}
