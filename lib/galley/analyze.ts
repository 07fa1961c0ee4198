/** What is wrong among objects that are each valid alone. */
import { type KubeObject, objectKey } from '../api/object';
import { analyzers } from './analyzers';
import { Analysis, type AnalyzeOptions } from './analyzers/analysis';
import type { Finding } from './finding';
import { isWellFormed } from './validate';

/**
 * Findings across `objects`. Objects whose form is broken are passed over, as `validate` speaks about them. The order of
 * the findings does not depend on the order of the objects.
 */
export function analyze(objects: readonly KubeObject[], options: AnalyzeOptions = {}): Finding[] {
  const sorted = objects
    .filter(isWellFormed)
    .map((object) => ({ key: objectKey(object), object }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const analysis = new Analysis(
    sorted.map(({ object }) => object),
    options,
  );
  return analyzers.flatMap((analyzer) => analyzer(analysis));
}
