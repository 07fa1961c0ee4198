/** What controllers say on the status of objects: that something about them does not work. */
import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { shown } from '../schema-check';
import type { Analysis } from './analysis';

const NAME = 'conditions.ConditionAnalyzer';

interface Condition {
  type?: unknown;
  status?: unknown;
  reason?: unknown;
  message?: unknown;
  path: string;
}

const WAYPOINT = ['istio.io/WaypointBound'];
const ATTACHED = ['Accepted', 'Programmed', 'ResolvedRefs'];

/** Conditions that should be true, by kind. */
const EXPECTED: ReadonlyMap<string, readonly string[]> = new Map([
  ['/Service', WAYPOINT],
  ['networking.istio.io/ServiceEntry', WAYPOINT],
  ['security.istio.io/AuthorizationPolicy', ['ZtunnelAccepted', 'WaypointAccepted']],
  ['gateway.networking.k8s.io/Gateway', ATTACHED],
  ['gateway.networking.k8s.io/HTTPRoute', ATTACHED],
  ['gateway.networking.k8s.io/GRPCRoute', ATTACHED],
]);

export function negativeConditions(analysis: Analysis): Finding[] {
  return [...EXPECTED].flatMap(([kind, types]) =>
    analysis.allOf(kind).flatMap((object) =>
      conditionsOf(object)
        .filter((condition) => isNegative(condition, types))
        .map((condition) => told(object, condition)),
    ),
  );
}

function isNegative({ type, status, reason }: Condition, types: readonly string[]): boolean {
  const expected = types.includes(String(type));
  // This one is said to be true although a part of the policy does not hold.
  return expected && (status === 'False' || (type === 'WaypointAccepted' && reason === 'PartiallyInvalid'));
}

/** The conditions of an object, or of its parents. Anyone may have written them, so nothing is taken for granted. */
function conditionsOf(object: KubeObject): Condition[] {
  const status = object['status'] as { conditions?: unknown; parents?: unknown } | undefined;
  const parents = listOf(status?.parents).flatMap((parent, index) =>
    placed((parent as { conditions?: unknown }).conditions, `status.parents[${index}].conditions`),
  );
  return [...placed(status?.conditions, 'status.conditions'), ...parents];
}

function placed(list: unknown, path: string): Condition[] {
  return listOf(list).map((condition, index) => ({ ...condition, path: `${path}[${index}]` }));
}

function listOf(list: unknown): object[] {
  return (Array.isArray(list) ? list : []).filter((item) => typeof item === 'object' && item !== null);
}

function told(object: KubeObject, { type, reason, message, path }: Condition): Finding {
  const text = `the condition ${String(type)} says ${shown(reason)}: ${shown(message)}`;
  return findingAbout(object, 'IST0171', NAME, { path, message: text });
}
