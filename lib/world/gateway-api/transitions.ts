/** Conditions as they stand on an object: since when, and for which generation of it. */
import type { KubeObject } from '../../api/object';
import type { Condition } from './conditions';

export interface StatedCondition extends Condition {
  readonly observedGeneration?: number;
  /** RFC 3339, in seconds. */
  readonly lastTransitionTime: string;
}

/** A place on an object at which conditions stand; perhaps others wrote some of them. */
export interface Stated {
  readonly conditions?: readonly StatedCondition[];
}

/** The types of conditions that this controller writes; those of others are left where they are. */
const OWN = new Set([
  'Accepted',
  'Programmed',
  'ResolvedRefs',
  'Conflicted',
  'PartiallyInvalid',
  'OverlappingTLSConfig',
  'InsecureFrontendValidationMode',
  'malha.dev/Programmed',
]);

export function isOwnCondition(type: string): boolean {
  return OWN.has(type);
}

/** What is written on one object at one moment. */
export class Transitions {
  /**
   * @param now RFC 3339, in seconds.
   * @param standing the status that the object has. Default: as it is written on it.
   */
  constructor(
    private readonly object: KubeObject,
    private readonly now: string,
    readonly standing: unknown = object.status,
  ) {}

  /**
   * The time of a condition changes only together with its status, as metav1.Condition says.
   * @param previous what stands at the same place of the object now.
   */
  stated(conditions: readonly Condition[], previous: Stated | undefined): StatedCondition[] {
    const before = new Map((previous?.conditions ?? []).map((condition) => [condition.type, condition]));
    const { generation } = this.object.metadata;
    const own = conditions.map((condition): StatedCondition => {
      const known = before.get(condition.type);
      // Somebody has looked at a newer version already; what is said of that one is not for an older one to replace.
      if (known?.observedGeneration !== undefined && known.observedGeneration > (generation ?? Infinity)) return known;
      const since = known?.status === condition.status ? known.lastTransitionTime : this.now;
      return {
        ...condition,
        ...(generation !== undefined && { observedGeneration: generation }),
        lastTransitionTime: since,
      };
    });
    return [...own, ...[...before.values()].filter(({ type }) => !isOwnCondition(type))];
  }
}
