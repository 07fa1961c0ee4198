/** Rules that are not Galley's own: those of plugins. They judge objects in the form of their kind, and read nothing else. */
import type { KubeObject } from '../api/object';
import { findingAbout } from './catalogue';
import type { Finding, Level } from './finding';

/** What a rule has to say about an object. */
export interface CustomRemark {
  /** Lower case, no final period: what is wrong, what was got, what is allowed. At most 500 characters are kept. */
  readonly message: string;
  /** Default: `error`. */
  readonly level?: Level;
  /** The field: `spec.http[0].timeout`. */
  readonly path?: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** What else a rule may look at. */
export interface OtherObjects {
  /** All objects of a kind that the plugin has declared. Where each object is judged alone, those are only it. */
  ofKind(kind: string): readonly KubeObject[];
}

/** A rule: a pure function of objects. */
export interface CustomRule {
  /** Of lower-case letters, digits and dashes. */
  readonly name: string;
  check(object: KubeObject, others: OtherObjects): readonly CustomRemark[];
}

/** A rule under its full name, with what it may see. */
export interface NamedRule extends CustomRule {
  /** `PLUGIN/RULE`. */
  readonly name: string;
  readonly kinds: ReadonlySet<string>;
}

const LONGEST = 500;

/** Findings of rules about `objects`. A rule that throws has found that: it is told as an error, and the others go on. */
export function judgeByRules(objects: readonly KubeObject[], rules: readonly NamedRule[]): Finding[] {
  if (rules.length === 0) return [];
  const byKind = new Map<string, KubeObject[]>();
  for (const object of objects) byKind.set(object.kind, [...(byKind.get(object.kind) ?? []), object]);
  return rules.flatMap((rule) => {
    const others: OtherObjects = {
      ofKind(kind) {
        if (!rule.kinds.has(kind)) throw new Error(`the kind ${kind} is not among capabilities.rules.kinds`);
        return byKind.get(kind) ?? [];
      },
    };
    const seen = [...rule.kinds].sort().flatMap((kind) => byKind.get(kind) ?? []);
    return seen.flatMap((object) => findings(rule, object, others));
  });
}

function findings(rule: NamedRule, object: KubeObject, others: OtherObjects): Finding[] {
  const analyzer = `plugin.${rule.name}`;
  try {
    return rule
      .check(object, others)
      .map(({ message, level = 'error', path, fix }) =>
        findingAbout(object, 'MAL0060', analyzer, { message: message.slice(0, LONGEST), level, path, fix }),
      );
  } catch (error) {
    const message = `the rule failed: ${String((error as Error)?.message ?? error).slice(0, LONGEST)}`;
    return [findingAbout(object, 'MAL0061', analyzer, { message })];
  }
}
