/** What is wrong among objects that are each valid alone. */
import { type KubeObject, objectKey } from '../api/object';
import { analyzers } from './analyzers';
import { Analysis, type AnalyzeOptions } from './analyzers/analysis';
import type { Finding } from './finding';
import { isNamed, readable } from './validate';

/**
 * Findings across `objects`. Objects that do not have the form of their kind are passed over, as `validate` speaks about
 * them. The order of the findings does not depend on the order of the objects; each is told once.
 */
export function analyze(objects: readonly KubeObject[], options: AnalyzeOptions = {}): Finding[] {
  const sorted = objects
    .filter((object) => typeof object === 'object' && object !== null && isNamed(object))
    .map((object) => ({ key: objectKey(object), object, readable: readable(object) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const analysis = new Analysis(
    sorted.flatMap((entry) => entry.readable ?? []),
    options,
    sorted.flatMap((entry) => (entry.readable ? [] : entry.object)),
  );
  return once(analyzers.flatMap((analyzer) => analyzer(analysis)));
}

function once(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ code, analyzer, resource, path, message }) => {
    const key = [code, analyzer, resource, path, message].join('\0');
    return !seen.has(key) && seen.add(key);
  });
}
