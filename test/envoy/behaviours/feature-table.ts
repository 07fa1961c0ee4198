/** The README's table of features: the titles of the rows, topic by topic, between two marks. */
import type { Behaviour } from './behaviour';

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
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md has no '${BEGIN}' with '${END}' behind it`);
  return readme.slice(0, begin) + table + readme.slice(end + END.length);
}

/** Text that Markdown would take for a column or a mark-up. */
function escaped(feature: string): string {
  return feature.replace(/[|*<>]/g, (mark) => `\\${mark}`);
}
