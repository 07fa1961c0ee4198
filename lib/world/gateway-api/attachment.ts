/** Which listeners, or Services, a route is attached to; and for each parent why it is not. */
import type { ParentReference } from '../../api/gateway-api';
import type { KubeObject } from '../../api/object';
import { intersect } from '../hostname';
import type { Problem } from './conditions';
import type { PreparedGateway, PreparedListener, RouteKind } from './gateways';

export interface Attachment {
  readonly parent: ParentReference;
  readonly problem?: Problem;
  /** The listeners that took the route. */
  readonly listeners: readonly PreparedListener[];
  /** The Service whose clients the route is for. */
  readonly service?: { readonly namespace: string; readonly name: string; readonly port?: number };
}

interface ServicePort {
  readonly name?: string;
  readonly port: number;
}

export interface Parents {
  /** By `namespace/name`; undefined for Gateways that are not ours. */
  gateway(key: string): PreparedGateway | undefined;
  /** The Gateway that a ListenerSet names, whether or not that lets it in. */
  gatewayOfListenerSet(key: string): PreparedGateway | undefined;
  /** The ports of a Service. */
  servicePorts(key: string): readonly ServicePort[] | undefined;
}

/** Undefined when the parent is none of ours, and nobody is to hear from us about it. */
export function attach(
  parents: Parents,
  route: KubeObject,
  hostnames: readonly string[] | undefined,
  parent: ParentReference,
): Attachment | undefined {
  const { group = 'gateway.networking.k8s.io', kind = 'Gateway', name } = parent;
  const own = route.metadata.namespace ?? 'default';
  const namespace = parent.namespace ?? own;
  const key = `${namespace}/${name}`;
  if (group === '' && kind === 'Service') return attachToService(parents, route, parent, namespace);
  if (group !== 'gateway.networking.k8s.io') return undefined;
  if (kind !== 'Gateway' && kind !== 'ListenerSet') return undefined;
  const prepared = kind === 'Gateway' ? parents.gateway(key) : parents.gatewayOfListenerSet(key);
  if (!prepared) return undefined;
  const no = (reason: string, message: string): Attachment => ({ parent, listeners: [], problem: { reason, message } });

  const named = prepared.listeners.filter(
    ({ owner, listener }) =>
      owner.kind === kind &&
      owner.metadata.name === name &&
      (owner.metadata.namespace ?? 'default') === namespace &&
      (parent.sectionName === undefined || listener.name === parent.sectionName) &&
      (parent.port === undefined || listener.port === parent.port),
  );
  if (named.length === 0) return no('NoMatchingParent', `${kind} ${key} has no listener ${described(parent)}`);
  if (route.kind === 'TLSRoute' && named.every(({ listener }) => listener.protocol !== 'TLS')) {
    // TLSRouteSpec.hostnames: the one kind of route for which a wrong protocol has a reason of its own.
    return no(
      'UnsupportedValue',
      `TLSRoutes are for listeners of protocol TLS, which ${kind} ${key} does not have there`,
    );
  }
  const allowed = named.filter((each) => each.kinds.includes(route.kind as RouteKind) && each.allows(own));
  if (allowed.length === 0) {
    return no('NotAllowedByListeners', `no listener of ${kind} ${key} takes ${route.kind}s of namespace ${own}`);
  }
  const matching = allowed.filter(({ listener }) => sharesHost(listener.hostname, hostnames));
  if (matching.length === 0) {
    return no('NoMatchingListenerHostname', `no listener of ${kind} ${key} has one of ${(hostnames ?? []).join(', ')}`);
  }
  return { parent, listeners: matching };
}

function attachToService(
  parents: Parents,
  route: KubeObject,
  parent: ParentReference,
  namespace: string,
): Attachment | undefined {
  const key = `${namespace}/${parent.name}`;
  const no = (message: string, reason = 'NoMatchingParent'): Attachment => ({
    parent,
    listeners: [],
    problem: { reason, message },
  });
  if (route.kind === 'TLSRoute') {
    return no('TLSRoutes are for Gateways; a TCPRoute routes the connections of a Service', 'UnsupportedValue');
  }
  const all = parents.servicePorts(key);
  if (!all) return no(`there is no Service ${key}`);
  const { sectionName, port } = parent;
  if (sectionName === undefined && port === undefined) {
    return { parent, listeners: [], service: { namespace, name: parent.name } };
  }
  // ParentReference: of a Service, the section is the name of a port; with both, both have to be those of one port.
  const chosen = all.find(
    (each) => (sectionName === undefined || each.name === sectionName) && (port === undefined || each.port === port),
  );
  if (!chosen) return no(`Service ${key} has no port ${described(parent)}`);
  return { parent, listeners: [], service: { namespace, name: parent.name, port: chosen.port } };
}

/** A route without hostnames, and a listener without one, stand for all. */
function sharesHost(listener: string | undefined, hostnames: readonly string[] | undefined): boolean {
  if (!listener || !hostnames?.length) return true;
  return hostnames.some((hostname) => intersect(listener, hostname) !== undefined);
}

function described({ sectionName, port }: ParentReference): string {
  const parts = [sectionName && `named ${sectionName}`, port && `at port ${port}`].filter(Boolean);
  return parts.join(' ') || 'at all';
}
