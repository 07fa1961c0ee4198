/** The graph as a Mermaid flowchart, for Markdown pages. https://mermaid.js.org/syntax/flowchart.html */
import type { GraphEdge, GraphNode, ServiceGraph } from './service-graph';

const SHAPES: Record<GraphNode['kind'], readonly [string, string]> = {
  service: ['[', ']'],
  gateway: ['([', '])'],
  workload: ['(', ')'],
  external: ['{{', '}}'],
};

/** Names come from the mesh: everything but letters, digits and a few signs becomes an entity code, so that none is markup. */
const quoted = (text: string) =>
  `"${text.replace(/[^\p{L}\p{N} ./:_-]/gu, (character) => `#${character.codePointAt(0)};`)}"`;

export function mermaidOf({ nodes, edges }: ServiceGraph): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const namespaces = [...new Set(nodes.map(({ namespace }) => namespace))].sort();
  const lines = ['flowchart LR'];
  for (const [index, namespace] of namespaces.entries()) {
    const inside = nodes.filter((node) => node.namespace === namespace);
    const shown = inside.map(({ id, name, kind }) => {
      const [open, close] = SHAPES[kind];
      return `${ids.get(id)}${open}${quoted(name)}${close}`;
    });
    if (namespace === '') lines.push(...shown.map((line) => `  ${line}`));
    else lines.push(`  subgraph ns${index}[${quoted(namespace)}]`, ...shown.map((line) => `    ${line}`), '  end');
  }
  for (const edge of edges) lines.push(`  ${ids.get(edge.source)} ${arrow(edge)} ${ids.get(edge.target)}`);
  const undeclared = edges.flatMap(({ state }, index) => (state === 'undeclared' ? [index] : []));
  if (undeclared.length > 0) lines.push(`  linkStyle ${undeclared.join(',')} stroke:#c4320a`);
  return `${lines.join('\n')}\n`;
}

/** Dotted: declared and never seen. */
function arrow({ state, traffic }: GraphEdge): string {
  const label = traffic && traffic.perSecond > 0 ? `|"${traffic.perSecond.toFixed(1)}/s"|` : '';
  return `${state === 'unseen' ? '-.->' : '-->'}${label}`;
}
