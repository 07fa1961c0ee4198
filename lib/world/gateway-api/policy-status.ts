/** What is written on BackendTLSPolicies: one entry for each Gateway with routes to a target, as PolicyStatus says. */
import { isDeepStrictEqual } from 'node:util';
import type { ParentReference } from '../../api/gateway-api';
import { nameKey } from '../inventory';
import type { PreparedPolicy } from './backend-tls';
import { GATEWAY_CONTROLLER } from './classes';
import { type Condition, unless } from './conditions';
import { backendsOf, type Conversion } from './convert';
import type { PreparedGateway } from './gateways';
import type { Stated, StatedCondition, Transitions } from './transitions';

interface PolicyAncestorStatus extends Stated {
  readonly ancestorRef: ParentReference;
  readonly controllerName: string;
  readonly conditions: readonly StatedCondition[];
}

export interface PolicyStatus {
  readonly ancestors: readonly PolicyAncestorStatus[];
}

/** PolicyStatus.ancestors: no more fit in. */
const MOST_ANCESTORS = 16;

/** Undefined when the policy has nothing to do with us, and nothing of ours is on it. */
export function policyStatus(
  prepared: PreparedPolicy,
  gatewaysOf: ReadonlyMap<string, ReadonlySet<PreparedGateway>>,
  transitions: Transitions,
): PolicyStatus | undefined {
  const previous = (transitions.standing as Partial<PolicyStatus> | undefined)?.ancestors ?? [];
  const isOwn = ({ controllerName }: PolicyAncestorStatus) => controllerName === GATEWAY_CONTROLLER;
  const others = previous.filter((each) => !isOwn(each));
  const gateways = new Set(prepared.targets.flatMap(({ service }) => [...(gatewaysOf.get(service) ?? [])]));
  if (gateways.size === 0 && others.length === previous.length) return undefined;
  const ancestors = [...gateways].map((gateway): PolicyAncestorStatus => {
    const ancestorRef = referenceTo(gateway);
    const before = previous.find((each) => isOwn(each) && isDeepStrictEqual(each.ancestorRef, ancestorRef));
    const reached = prepared.targets.filter(({ service }) => gatewaysOf.get(service)?.has(gateway));
    const conditions = transitions.stated(conditionsOf({ ...prepared, targets: reached }), before);
    return { ancestorRef, controllerName: GATEWAY_CONTROLLER, conditions };
  });
  return { ancestors: [...ancestors.slice(0, Math.max(0, MOST_ANCESTORS - others.length)), ...others] };
}

function conditionsOf({ targets, notAccepted, unresolved }: PreparedPolicy): Condition[] {
  const lost = targets.find(({ problem }) => problem)?.problem;
  return [
    unless('Accepted', lost ?? notAccepted, 'the policy holds for its targets'),
    unless('ResolvedRefs', unresolved, 'all references lead somewhere'),
  ];
}

function referenceTo({ gateway: { metadata } }: PreparedGateway): ParentReference {
  const { namespace = 'default', name } = metadata;
  return { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace, name };
}

/** By `namespace/name` of a Service: the Gateways that have routes to it, oldest first. */
export function gatewaysOfServices({ gateways, routes }: Conversion): Map<string, Set<PreparedGateway>> {
  const gatewayOf = new Map(gateways.flatMap((each) => each.listeners.map((listener) => [listener, each] as const)));
  const found = new Map<string, Set<PreparedGateway>>();
  for (const { route, attachments } of routes) {
    const parents = attachments.flatMap(({ listeners }) => listeners.flatMap((each) => gatewayOf.get(each) ?? []));
    if (parents.length === 0) continue;
    for (const { namespace = route.metadata.namespace, name } of backendsOf(route)) {
      const key = nameKey(namespace, name);
      const known = found.get(key) ?? new Set();
      for (const parent of parents) known.add(parent);
      found.set(key, known);
    }
  }
  return found;
}
