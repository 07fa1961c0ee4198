/** What is written on routes: one entry for each parent, as RouteParentStatus says. */
import { isDeepStrictEqual } from 'node:util';
import type { ParentReference } from '../../api/gateway-api';
import type { Attachment } from './attachment';
import { GATEWAY_CONTROLLER } from './classes';
import { type Condition, fails, holds, type Problem, unless } from './conditions';
import type { ConvertedRoute } from './convert';
import type { PreparedListener } from './gateways';
import type { Stated, StatedCondition, Transitions } from './transitions';

interface RouteParentStatus extends Stated {
  readonly parentRef: ParentReference;
  readonly controllerName: string;
  readonly conditions: readonly StatedCondition[];
}

export interface RouteStatus {
  readonly parents: readonly RouteParentStatus[];
}

/** RouteStatus.parents: no more fit in. */
const MOST_PARENTS = 32;

/**
 * Undefined when the route has nothing to do with us, and nothing of ours is on it.
 * @param refused what a proxy refuses of it. The API has no condition for that, so it gets one of ours.
 */
export function routeStatus(
  converted: ConvertedRoute,
  transitions: Transitions,
  refused?: Problem,
): RouteStatus | undefined {
  const previous = (transitions.standing as Partial<RouteStatus> | undefined)?.parents ?? [];
  const isOwn = ({ controllerName }: RouteParentStatus) => controllerName === GATEWAY_CONTROLLER;
  const own = previous.filter(isOwn);
  const others = previous.filter((each) => !isOwn(each));
  if (converted.attachments.length === 0 && own.length === 0) return undefined;
  const parents = converted.attachments.map((attachment): RouteParentStatus => {
    const { parent } = attachment;
    const before = own.find(({ parentRef }) => isDeepStrictEqual(withDefaults(parentRef), withDefaults(parent)));
    const programmed = refused ? [fails('malha.dev/Programmed', refused)] : [];
    const conditions = transitions.stated([...conditionsOf(converted, attachment), ...programmed], before);
    return { parentRef: parent, controllerName: GATEWAY_CONTROLLER, conditions };
  });
  return { parents: [...parents.slice(0, Math.max(0, MOST_PARENTS - others.length)), ...others] };
}

/** API servers write defaults out; what is meant stays the same. */
function withDefaults({ group = 'gateway.networking.k8s.io', kind = 'Gateway', ...rest }: ParentReference) {
  return { group, kind, ...rest };
}

function conditionsOf(converted: ConvertedRoute, attachment: Attachment): Condition[] {
  const { unsupported, unresolved, rules, unservedRules } = converted;
  const accepted =
    attachment.problem ??
    (unservedRules.length > 0 && unservedRules.length === rules ? together(unsupported) : undefined);
  const conditions = [
    unless('Accepted', accepted, 'the route is attached'),
    unless('ResolvedRefs', unresolved[0] && together(unresolved), 'all references lead somewhere'),
  ];
  if (!accepted && unservedRules.length > 0) {
    // RouteConditionPartiallyInvalid: the rest of the rules is in force. The first words are the API's.
    const { reason, message } = together(unsupported);
    const which = unservedRules.map((i) => `rules[${i}]`).join(', ');
    conditions.push(holds('PartiallyInvalid', `Dropped Rule: ${which} answer with an error: ${message}`, reason));
  }
  return conditions;
}

/** The first reason, and all that is to be said. */
function together(problems: readonly Problem[]): Problem {
  const messages = [...new Set(problems.map(({ message }) => message))];
  const more = messages.length > SHOWN ? [`${messages.length - SHOWN} more`] : [];
  return { reason: problems[0]!.reason, message: [...messages.slice(0, SHOWN), ...more].join('; ') };
}

/** Messages are bounded: a route can have a thousand broken references. */
const SHOWN = 5;

/** How many routes each listener has. ListenerStatus.attachedRoutes counts those that are accepted, served or not. */
export function attachedRoutes(routes: readonly ConvertedRoute[]): ReadonlyMap<PreparedListener, number> {
  const counts = new Map<PreparedListener, number>();
  for (const converted of routes) {
    const listeners = new Set(
      converted.attachments.flatMap((attachment) =>
        conditionsOf(converted, attachment)[0]!.status === 'True' ? attachment.listeners : [],
      ),
    );
    for (const listener of listeners) counts.set(listener, (counts.get(listener) ?? 0) + 1);
  }
  return counts;
}
