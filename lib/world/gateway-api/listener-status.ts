/** What is written about each listener, of Gateways and of ListenerSets alike. */
import type { KubeObject } from '../../api/object';
import { intersect } from '../hostname';
import { type Condition, fails, holds, type Problem, unless } from './conditions';
import type { PreparedListener } from './gateways';
import type { Stated, StatedCondition, Transitions } from './transitions';

export interface ListenerStatus extends Stated {
  readonly name: string;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  readonly attachedRoutes: number;
  readonly conditions: readonly StatedCondition[];
}

/** What is known of a Gateway beside the objects of its listeners. */
export interface Landing {
  readonly attached: ReadonlyMap<PreparedListener, number>;
  /** Why its proxies do not serve what it says. */
  readonly notLanded?: Problem;
}

/** Whether the listener is as the API allows, whatever becomes of its references. */
export function isValid({ notAccepted, conflict }: PreparedListener): boolean {
  return !notAccepted && !conflict;
}

/**
 * What the condition `Accepted` says, if not that it is. The listeners of a ListenerSet have reasons of their own for it
 * (GEP-1713, "Conformance Details"): a port that another listener has, and references without which nothing is served.
 */
export function notAcceptedOf({ owner, notAccepted, conflict, unresolved, kinds, converted }: PreparedListener) {
  if (owner.kind !== 'ListenerSet' || notAccepted) return notAccepted ?? conflict;
  if (conflict) return { ...conflict, reason: 'PortUnavailable' };
  return unresolved && kinds.length > 0 && !converted ? { ...unresolved, reason: 'Invalid' } : undefined;
}

/**
 * @param all listeners of the Gateway, for what they have in common.
 * @param owner of which object those are that are told of.
 */
export function listenerStatuses(
  all: readonly PreparedListener[],
  owner: KubeObject,
  { attached, notLanded }: Landing,
  transitions: Transitions,
): ListenerStatus[] {
  const previous = (transitions.standing as { listeners?: ListenerStatus[] } | undefined)?.listeners ?? [];
  return all
    .filter((each) => each.owner === owner)
    .map((each) => {
      const { name } = each.listener;
      const before = previous.find((status) => status.name === name);
      return {
        name,
        supportedKinds: each.kinds.map((kind) => ({ group: 'gateway.networking.k8s.io', kind })),
        attachedRoutes: attached.get(each) ?? 0,
        conditions: transitions.stated(conditionsOf(each, all, notLanded), before),
      };
    });
}

function conditionsOf(
  listener: PreparedListener,
  all: readonly PreparedListener[],
  notLanded: Problem | undefined,
): Condition[] {
  const { conflict, unresolved, converted } = listener;
  const notAccepted = notAcceptedOf(listener);
  const invalid = notAccepted ?? unresolved ?? { reason: '', message: 'it takes no kind of routes' };
  const reason = notAccepted?.reason === 'PortUnavailable' ? notAccepted.reason : 'Invalid';
  const overlapping = all.find((other) => other !== listener && overlaps(listener, other));
  return [
    unless('Accepted', notAccepted, 'the listener is valid'),
    unless('Programmed', converted ? notLanded : { reason, message: invalid.message }, 'the listener is served'),
    unless('ResolvedRefs', unresolved, 'all references lead somewhere'),
    conflict
      ? holds('Conflicted', conflict.message, conflict.reason)
      : fails('Conflicted', { reason: 'NoConflicts', message: 'it can be told apart from all others' }),
    ...(overlapping
      ? [
          holds(
            'OverlappingTLSConfig',
            `its hosts are also those of ${overlapping.listener.name}`,
            'OverlappingHostnames',
          ),
        ]
      : []),
  ];
}

/** Clients that keep one HTTP/2 connection for several hosts may meet the wrong one (ListenerConditionOverlappingTLSConfig). */
function overlaps(a: PreparedListener, b: PreparedListener): boolean {
  const endsTls = ({ converted }: PreparedListener) => converted?.spec?.servers?.[0]?.tls?.mode !== undefined;
  if (a.listener.port !== b.listener.port || a.listener.protocol !== 'HTTPS' || b.listener.protocol !== 'HTTPS')
    return false;
  if (!endsTls(a) || !endsTls(b)) return false;
  return intersect(a.listener.hostname ?? '*', b.listener.hostname ?? '*') !== undefined;
}
