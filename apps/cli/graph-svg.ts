/** The graph as one SVG picture that needs nothing else: light and dark, by what its reader prefers. */
import type { GraphEdge, GraphNode, ServiceGraph } from '../../lib/graph/service-graph';
import { type Dagre, layoutOf, NODE } from '../console/browser/layout';

const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1b2230; } .quiet { font-size: 11px; fill: #5b6475; } .name { font-weight: 600; }
.paper { fill: #fff; } .box { fill: #f6f7f9; stroke: #d8dde6; } .node { fill: #fff; stroke: #b9c2d2; stroke-width: 1.3; }
.gateway { stroke: #2357c5; } .external { stroke-dasharray: 5 4; } .edge { fill: none; stroke: #7286a8; stroke-width: 1.5; }
.unseen { stroke-dasharray: 2 5; } .undeclared { stroke: #b93208; stroke-dasharray: 9 3; } .tip { fill: #7286a8; }
.rate { font-size: 11px; text-anchor: middle; paint-order: stroke; stroke: #fff; stroke-width: 4px; }
@media (prefers-color-scheme: dark) {
text { fill: #e6eaf2; } .quiet { fill: #a0aabc; } .paper { fill: #1a1f28; } .box { fill: #12151b; stroke: #303848; }
.node { fill: #222936; stroke: #46536a; } .gateway { stroke: #8db4ff; } .edge { stroke: #71829f; } .tip { fill: #71829f; }
.undeclared { stroke: #ff9169; } .rate { stroke: #1a1f28; }
}`;

export function graphSvg({ nodes, edges }: ServiceGraph): string {
  // Loaded for pictures only: no other command waits for it.
  const dagre = require('@dagrejs/dagre') as Dagre;
  const { nodes: places, boxes, paths, width, height } = layoutOf(dagre, nodes, edges);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${Math.ceil(height)}" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}" role="img" aria-label="services and their calls">`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0,0.5L8,4L0,7.5z"/></marker></defs>',
    `<rect class="paper" width="100%" height="100%"/>`,
    ...boxes.flatMap(({ name, x, y, width: w, height: h }) => [
      `<rect class="box" x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}" rx="12"/>`,
      `<text class="quiet name" x="${round(x + 14)}" y="${round(y + 22)}">${escaped(name)}</text>`,
    ]),
    ...edges.flatMap((edge) => edgeLines(edge, paths.get(`${edge.source}\n${edge.target}`))),
    ...nodes.map((node) => nodeLine(node, places.get(node.id)!)),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

function edgeLines(
  { state, traffic, source, target }: GraphEdge,
  path?: { d: string; middle: { x: number; y: number } },
) {
  if (!path) return [];
  const title = `<title>${escaped(`${source} → ${target}: ${state}`)}</title>`;
  const line = `<path class="edge ${state}" d="${path.d}" marker-end="url(#tip)">${title}</path>`;
  if (!traffic || traffic.perSecond === 0) return [line];
  const { x, y } = path.middle;
  return [line, `<text class="rate" x="${round(x)}" y="${round(y - 3)}">${traffic.perSecond.toFixed(1)}/s</text>`];
}

function nodeLine({ id, name, kind, versions }: GraphNode, { x, y }: { x: number; y: number }): string {
  const below = versions.map(({ name: version, weight }) =>
    weight === undefined ? version : `${version} ${weight} %`,
  );
  return [
    `<g transform="translate(${round(x)},${round(y)})"><title>${escaped(id)}</title>`,
    `<rect class="node ${kind}" width="${NODE.width}" height="${NODE.height}" rx="${kind === 'gateway' ? NODE.height / 2 : 9}"/>`,
    `<text class="name" x="18" y="20">${escaped(shortened(name, 21))}</text>`,
    `<text class="quiet" x="18" y="36">${escaped(shortened(below.join(' · ') || kind, 27))}</text></g>`,
  ].join('');
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

const ENTITIES: Record<string, string> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };

/** Names come from the mesh: none is markup, and none holds a character that XML knows not. */
function escaped(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd').replace(/[<>&"]/g, (character) => ENTITIES[character]!);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
