/**
 * What stands on objects of the Gateway API, with what their proxies have acknowledged; and on those that Galley refuses,
 * which the World does not know.
 */
import type { Gateway, GatewayClass, ParentReference } from '../api/gateway-api';
import type { KubeObject } from '../api/object';
import type { Finding } from '../galley';
import {
  fails,
  GATEWAY_CONTROLLER,
  gatewayStatuses,
  isOurs,
  type Problem,
  type Stated,
  type StatusContext,
  Transitions,
  type World,
} from '../world';
import type { ObjectReport } from '../xds/local-reports';
import { bounded, problemOf } from './istio-status';

export interface GatewayApiObservation {
  readonly report: (object: KubeObject) => ObjectReport;
  readonly standing: NonNullable<StatusContext['standing']>;
  /** RFC 3339, in seconds. */
  readonly now: string;
}

/** Of all objects in force. */
export function gatewayApiStatuses(
  world: World,
  { report, standing, now }: GatewayApiObservation,
): ReadonlyMap<KubeObject, object> {
  return gatewayStatuses(world, now, {
    standing,
    notLanded: (gateway) => notLanded(report(gateway)),
    refused: (route) => refused(report(route)),
  });
}

function refused(report: ObjectReport): Problem | undefined {
  return report.state === 'refused' ? { reason: 'Rejected', message: bounded(report.error) } : undefined;
}

function notLanded(report: ObjectReport): Problem | undefined {
  if (report.state === 'refused') return { reason: 'Invalid', message: bounded(report.error) };
  if (report.state !== 'landed') {
    return { reason: 'Pending', message: 'on its way: not all proxies of the Gateway have acknowledged it' };
  }
  return report.proxies ? undefined : { reason: 'Pending', message: 'no proxy of the Gateway is connected' };
}

/**
 * Of an object that Galley refuses; undefined where it is none of ours, or not even that can be told.
 * @param findings errors, what was found in it.
 */
export function refusedStatus(
  object: KubeObject,
  findings: readonly Finding[],
  world: World,
  { standing, now }: Pick<GatewayApiObservation, 'standing' | 'now'>,
): object | undefined {
  const transitions = new Transitions(object, now, standing(object));
  const spec = (object.spec ?? {}) as Partial<Gateway['spec'] & GatewayClass['spec'] & { parentRefs: unknown }>;
  switch (object.kind) {
    case 'GatewayClass': {
      if (spec.controllerName !== GATEWAY_CONTROLLER) return undefined;
      const refused = fails('Accepted', problemOf('InvalidParameters', findings));
      return { conditions: transitions.stated([refused], transitions.standing as Stated) };
    }
    case 'Gateway': {
      if (typeof spec.gatewayClassName !== 'string' || !isOurs(world.inventory, spec.gatewayClassName))
        return undefined;
      const problem = problemOf('Invalid', findings);
      const conditions = [fails('Accepted', problem), fails('Programmed', problem)];
      return { conditions: transitions.stated(conditions, transitions.standing as Stated) };
    }
    case 'ListenerSet': {
      if (!isOwnReference(object, (spec as { parentRef?: unknown }).parentRef, world)) return undefined;
      const problem = problemOf('Invalid', findings);
      const conditions = [fails('Accepted', problem), fails('Programmed', problem)];
      return { conditions: transitions.stated(conditions, transitions.standing as Stated) };
    }
    case 'HTTPRoute':
    case 'GRPCRoute':
    case 'TLSRoute':
    case 'TCPRoute': {
      const refused = fails('Accepted', problemOf('UnsupportedValue', findings));
      return refusedRoute(object, refused, world, transitions);
    }
    default:
      return undefined;
  }
}

interface Parent {
  readonly parentRef: ParentReference;
  readonly controllerName: string;
  readonly conditions: Stated['conditions'];
}

function refusedRoute(object: KubeObject, refused: ReturnType<typeof fails>, world: World, transitions: Transitions) {
  const { parentRefs } = (object.spec ?? {}) as { parentRefs?: unknown };
  const previous = (transitions.standing as { parents?: readonly Parent[] } | undefined)?.parents ?? [];
  const others = previous.filter(({ controllerName }) => controllerName !== GATEWAY_CONTROLLER);
  const own = (Array.isArray(parentRefs) ? parentRefs : []).filter(
    (parent) => isOwnReference(object, parent, world) || isListenerSetOrService(object, parent, world),
  );
  if (own.length === 0) return undefined;
  const parents = own.map((parentRef: ParentReference): Parent => {
    const before = previous.find(
      (each) => each.controllerName === GATEWAY_CONTROLLER && sameParent(each.parentRef, parentRef),
    );
    return { parentRef, controllerName: GATEWAY_CONTROLLER, conditions: transitions.stated([refused], before) };
  });
  return { parents: [...parents, ...others] };
}

/** A reference that can be repeated in a status, to a Gateway of ours. */
function isOwnReference({ metadata }: KubeObject, parent: unknown, { inventory }: World): parent is ParentReference {
  if (typeof parent !== 'object' || parent === null) return false;
  const { kind = 'Gateway', name, namespace = metadata.namespace } = parent as Partial<ParentReference>;
  return inventory.gatewayApiGateways.some(
    (gateway) =>
      kind === 'Gateway' &&
      gateway.metadata.name === name &&
      gateway.metadata.namespace === namespace &&
      isOurs(inventory, gateway.spec.gatewayClassName),
  );
}

/** The other parents that routes may have: a ListenerSet of such a Gateway, or a Service. */
function isListenerSetOrService({ metadata }: KubeObject, parent: unknown, world: World): parent is ParentReference {
  if (typeof parent !== 'object' || parent === null) return false;
  const { group, kind, name, namespace = metadata.namespace } = parent as Partial<ParentReference>;
  if (typeof name !== 'string') return false;
  if (kind === 'Service') return group === '' && world.inventory.services.has(`${namespace}/${name}`);
  return world.inventory.listenerSets.some(
    (set) =>
      kind === 'ListenerSet' &&
      set.metadata.name === name &&
      set.metadata.namespace === namespace &&
      isOwnReference(set, set.spec.parentRef, world),
  );
}

function sameParent(a: ParentReference, b: ParentReference): boolean {
  return (['kind', 'namespace', 'name', 'sectionName', 'port'] as const).every((field) => a[field] === b[field]);
}
