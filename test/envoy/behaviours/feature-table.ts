/** The README's table of features: the titles of the rows, topic by topic, between two marks. */
import type { Behaviour } from './behaviour';
import { withBlock } from './readme-block';

const BEGIN = '<!-- features: made from test/envoy/behaviours, with UPDATE_GOLDEN=1 -->';
const END = '<!-- end of features -->';

export function featureTable(behaviours: readonly Behaviour[]): string {
  const topics = new Map<string, string[]>();
  for (const { topic, feature } of behaviours) topics.set(topic, [...(topics.get(topic) ?? []), feature]);
  const rows = [...topics].map(([topic, features]) => `| ${topic} | ${features.map(escaped).join(' · ')} |`);
  return [BEGIN, '', '| object | what it does here |', '|---|---|', ...rows, '', END].join('\n');
}

/** `readme` with this table in place of the one that it has. @throws when it has no place for one. */
export function withFeatureTable(readme: string, table: string): string {
  return withBlock(readme, { begin: BEGIN, end: END }, table);
}

/** Text that Markdown would take for a column or a mark-up. */
function escaped(feature: string): string {
  return feature.replace(/[|*<>]/g, (mark) => `\\${mark}`);
}
