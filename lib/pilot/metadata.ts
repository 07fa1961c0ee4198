/** What a resource was made from, for people and tools that look at Envoy's configuration: filter metadata `istio`. */
import type { KubeObject } from '../api/object';
import type { envoy } from '../envoy/generated/envoy';
import type { Service } from '../world';

/** `VirtualService` → `virtual-service`, as Istio writes kinds in these paths. */
function kebab(kind: string): string {
  return kind.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();
}

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
