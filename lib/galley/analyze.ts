/** What is wrong among objects that are each valid alone. */
import { type KubeObject, objectKey } from '../api/object';
import { analyzers } from './analyzers';
import { Analysis, type AnalyzeOptions } from './analyzers/analysis';
import { judgeByRules } from './custom-rule';
import type { Finding } from './finding';
import { isNamed, readable } from './validate';

/**
 * Findings across `objects`. Objects that do not have the form of their kind are passed over, as `validate` speaks about
 * them. The order of the findings does not depend on the order of the objects; each is told once.
 */
export function analyze(objects: readonly KubeObject[], options: AnalyzeOptions = {}): Finding[] {
  const sorted = objects.filter((object) => typeof object === 'object' && object !== null && isNamed(object));
  sorted.sort(byKey);
  const right: KubeObject[] = [];
  const others: KubeObject[] = [];
  for (const object of sorted) {
    const whole = readable(object);
    if (whole) right.push(whole);
    else others.push(object);
  }
  const analysis = new Analysis(right, options, others);
  return once([...analyzers.flatMap((analyzer) => analyzer(analysis)), ...judgeByRules(right, options.rules ?? [])]);
}

/** Remembered, as most objects are analyzed again and again. */
const keys = new WeakMap<KubeObject, string>();

function keyOf(object: KubeObject): string {
  let key = keys.get(object);
  if (key === undefined) {
    key = objectKey(object);
    keys.set(object, key);
  }
  return key;
}

function byKey(a: KubeObject, b: KubeObject): number {
  const [left, right] = [keyOf(a), keyOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Each finding once: what an object is told alone may be told again among others. */
export function once(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ code, analyzer, resource, path, message }) => {
    const key = [code, analyzer, resource, path, message].join('\0');
    return !seen.has(key) && seen.add(key);
  });
}
