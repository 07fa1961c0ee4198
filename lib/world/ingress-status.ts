/**
 * What stands on an Ingress that is served: the addresses of its gateways' Services.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ingress_service
 * https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/#IngressStatus
 */
import type { Ingress, Service } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import { ingressSelectorOf } from './ingress';
import { nameKey } from './inventory';
import { selects } from './labels';
import { ingressTable } from './tables';
import type { World } from './world';

export interface IngressAddress {
  readonly ip?: string;
  readonly hostname?: string;
}

export interface IngressStatus {
  /** Empty without an address, as an API server has it. */
  readonly loadBalancer: { readonly ingress?: readonly IngressAddress[] };
}

/** Of those that are served; others are none of our business. */
export function ingressStatuses(world: World): ReadonlyMap<KubeObject, IngressStatus> {
  const { ingresses } = world.read(ingressTable, '');
  if (ingresses.length === 0) return NONE;
  const addresses = ingressAddresses(world);
  const status: IngressStatus = { loadBalancer: addresses.length > 0 ? { ingress: addresses } : {} };
  return new Map(ingresses.map((ingress: Ingress) => [ingress, status]));
}

const NONE: ReadonlyMap<KubeObject, IngressStatus> = new Map();

/** Each address once, in order. */
function ingressAddresses(world: World): IngressAddress[] {
  const byText = new Map(
    servicesOf(world)
      .flatMap(addressesOf)
      .map((each) => [each.ip ?? each.hostname ?? '', each]),
  );
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, address]) => address);
}

/** The one that the mesh configuration names, in the root namespace; else all that lead to gateways for Ingresses. */
function servicesOf({ inventory, mesh: { config, rootNamespace } }: World): Service[] {
  const { ingressService } = config;
  if (ingressService) {
    const named = inventory.services.get(nameKey(rootNamespace, ingressService));
    return named ? [named] : [];
  }
  const wanted = ingressSelectorOf(config);
  const gateways = [...inventory.pods.values()].filter(({ metadata }) => selects(wanted, metadata.labels ?? {}));
  return [...inventory.services.values()].filter(({ metadata, spec }) => {
    const selector = spec?.selector ?? {};
    if (Object.keys(selector).length === 0) return false;
    return gateways.some(
      (pod) => pod.metadata.namespace === metadata.namespace && selects(selector, pod.metadata.labels ?? {}),
    );
  });
}

interface LoadBalancer {
  readonly loadBalancer?: { readonly ingress?: readonly IngressAddress[] };
}

/** By which the world outside comes to it; a Service for the cluster alone has none. */
function addressesOf({ spec, status }: Service): IngressAddress[] {
  if (spec?.type === 'ExternalName') return spec.externalName ? [{ hostname: spec.externalName }] : [];
  const balanced =
    spec?.type === 'LoadBalancer' ? ((status as LoadBalancer | undefined)?.loadBalancer?.ingress ?? []) : [];
  const external = spec?.externalIPs ?? [];
  return [
    // Of two names for one, the address, as an Ingress takes both.
    ...balanced.flatMap(({ ip, hostname }) =>
      ip || hostname ? [{ ...(ip && { ip }), ...(hostname && { hostname }) }] : [],
    ),
    ...external.map((ip) => ({ ip })),
  ];
}
