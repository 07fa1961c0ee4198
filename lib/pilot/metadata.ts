/** What a resource was made from, for people and tools that look at Envoy's configuration: filter metadata `istio`. */
import type { KubeObject } from '../api/object';
import type { envoy } from '../envoy/generated/envoy';
import {
  canonicalRevision,
  canonicalService,
  type Endpoint,
  packedValues,
  packedWorkload,
  type Service,
} from '../world';

/** `VirtualService` → `virtual-service`, as Istio writes kinds in these paths. */
function kebab(kind: string): string {
  let written = kebabs.get(kind);
  if (written === undefined) {
    written = kind.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();
    kebabs.set(kind, written);
  }
  return written;
}

/** There are few kinds, and thousands of objects. */
const kebabs = new Map<string, string>();

/** `/apis/networking.istio.io/v1/namespaces/shop/virtual-service/reviews` */
export function configPath(object: KubeObject): string {
  const { namespace = 'default', name } = object.metadata;
  return `/apis/${object.apiVersion}/namespaces/${namespace}/${kebab(object.kind)}/${name}`;
}

export interface Provenance {
  config?: KubeObject;
  services?: readonly Pick<Service, 'hostname' | 'name' | 'namespace'>[];
  subset?: string;
}

/** The filter metadata in which endpoints and clusters carry what the labels of metrics say of them, by their place. */
export const METRICS_METADATA = 'malha';
export const PACKED_VALUES = 'labels';

/** The cluster of Kubernetes, by the name that Istio gives it: there is one so far. */
export const CLUSTER_NAME = 'Kubernetes';

/** What metrics say of an endpoint, and how clusters connect to it; undefined where neither is known. */
export function labelledEndpoint(endpoint: Endpoint): envoy.config.core.v3.Metadata | undefined {
  const filter_metadata = {
    ...(endpoint.mutualTls && { [SOCKET_MATCH]: MUTUAL_TLS_MATCH }),
    ...workloadLabels(endpoint),
  };
  return Object.keys(filter_metadata).length > 0 ? { filter_metadata } : undefined;
}

/** By these an endpoint tells a cluster that it takes mutual TLS, as on Istio. */
export const SOCKET_MATCH = 'envoy.transport_socket_match';
export const MUTUAL_TLS_MATCH = { tlsMode: 'istio' } as const;

function workloadLabels({ workload, labels }: Endpoint): Record<string, object> {
  if (!workload) return {};
  const values = packedWorkload({
    workload: workload.name,
    workload_namespace: workload.namespace,
    app: labels.app,
    version: labels.version,
    cluster: CLUSTER_NAME,
    canonical_service: canonicalService(labels, workload.name),
    canonical_revision: canonicalRevision(labels),
  });
  return { [METRICS_METADATA]: { [PACKED_VALUES]: values } };
}

/** What metrics say of the service behind a cluster. */
export function labelled(
  metadata: envoy.config.core.v3.Metadata | undefined,
  { hostname, name, namespace }: Pick<Service, 'hostname' | 'name'> & { namespace?: string },
): envoy.config.core.v3.Metadata {
  const labels = { [PACKED_VALUES]: packedValues([hostname, name, namespace]) };
  return { filter_metadata: { ...metadata?.filter_metadata, [METRICS_METADATA]: labels } };
}

/** Metadata that names the object and the services behind a resource. */
export function provenance({ config, services, subset }: Provenance): envoy.config.core.v3.Metadata | undefined {
  const istio = {
    ...(config && { config: configPath(config) }),
    ...(services?.length && {
      services: services.map(({ hostname, name, namespace }) => ({ host: hostname, name, namespace })),
    }),
    ...(subset && { subset }),
  };
  return Object.keys(istio).length > 0 ? { filter_metadata: { istio } } : undefined;
}
