/** A status that should stand on an object, and whether it does. */
import type { Kind } from '../api/kind';
import { kindOf } from '../api/kinds';
import { groupOf, type KubeObject, objectKey } from '../api/object';
import type { Standing } from '../discovery/kubernetes/resource';
import { isOwnCondition } from '../world';

export interface WantedStatus {
  readonly object: KubeObject;
  /** All of it, with what others have written. */
  readonly status: object;
  /** What stands on the object. */
  readonly standing: Standing;
}

/** Where a status is written. */
export type StatusResource = Pick<Kind, 'group' | 'storedVersion' | 'plural' | 'kind'>;

export const INGRESSES: StatusResource = {
  group: 'networking.k8s.io',
  storedVersion: 'v1',
  plural: 'ingresses',
  kind: 'Ingress',
};

/** Undefined for objects on which we write nothing. */
export function statusResourceOf(object: KubeObject): StatusResource | undefined {
  if (object.kind === INGRESSES.kind && groupOf(object) === INGRESSES.group) return INGRESSES;
  return kindOf(object);
}

export const keyOf = ({ object }: WantedStatus): string => objectKey(object);

/** Whether the object has it, but for times and the order of lists. Fields that are not ours are not looked at. */
export function stands({ status, standing }: WantedStatus): boolean {
  return comparable(status) === comparable(standing.status, status);
}

/** The fields of `status` that `like` has, as a text that is the same for what means the same. */
export function comparable(status: unknown, like: object = status as object): string {
  const fields = (status ?? {}) as Record<string, unknown>;
  return text(Object.fromEntries(Object.keys(like).map((name) => [name, fields[name]])));
}

const TIMES = new Set(['lastTransitionTime', 'lastProbeTime']);

function text(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(text).sort().join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([key, inner]) => inner !== undefined && !TIMES.has(key));
  return `{${entries
    .map(([key, inner]) => `${JSON.stringify(key)}:${text(inner)}`)
    .sort()
    .join()}}`;
}

/**
 * What is to be applied. Lists with a key (`listType: map` in the definitions of the Gateway API) hold each controller's own
 * items, so conditions of others stay out of it there; lists that are one value hold all, those of others too.
 */
export function applied({ object, status }: WantedStatus): object {
  return object.apiVersion.startsWith('gateway.networking.k8s.io/') ? withoutForeign(status) : status;
}

interface Conditioned {
  readonly conditions?: readonly { readonly type: string }[];
  readonly listeners?: readonly Conditioned[];
}

function withoutForeign<T extends Conditioned>(status: T): T {
  const { conditions, listeners } = status;
  return {
    ...status,
    ...(conditions && { conditions: conditions.filter(({ type }) => isOwnCondition(type)) }),
    ...(listeners && { listeners: listeners.map(withoutForeign) }),
  };
}
