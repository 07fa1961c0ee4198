/**
 * Where the nodes of a graph go: layers from left to right. Each namespace is laid out by itself and becomes a box; then the
 * boxes are. So a few hundred services take a tenth of a second, and what belongs together stays together. The layering
 * is dagre's, which is handed in: in a browser it is a script, elsewhere a module.
 */

/** As much of `@dagrejs/dagre` as is used here. */
export interface Dagre {
  readonly graphlib: { readonly Graph: new () => DagreGraph };
  layout(graph: DagreGraph): unknown;
}

interface DagreGraph {
  setGraph(label: object): unknown;
  setDefaultEdgeLabel(label: () => object): unknown;
  setNode(id: string, label: { width: number; height: number }): unknown;
  setEdge(source: string, target: string, label: object): unknown;
  node(id: string): Point;
  edge(ends: { v: string; w: string }): { points?: Point[]; x?: number; y?: number };
  graph(): { width?: number; height?: number };
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LaidOutNode extends Point {
  readonly id: string;
}

/** A namespace. */
export interface Box extends Point {
  readonly name: string;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  /** Upper left corners. */
  readonly nodes: ReadonlyMap<string, LaidOutNode>;
  readonly boxes: readonly Box[];
  /** SVG paths, by `SOURCE\nTARGET`. */
  readonly paths: ReadonlyMap<string, { readonly d: string; readonly middle: Point }>;
  readonly width: number;
  readonly height: number;
}

export const NODE = { width: 176, height: 46 };
const GAP = { nodesep: 18, ranksep: 28 };
/** Room for a rate and a time on an edge. */
const LABEL = { width: 84, height: 18, labelpos: 'c' };
const BOX = { side: 16, top: 34, bottom: 16 };
const MARGIN = 24;
/** What is wider than a screen and than so many times its height is broken into rows: shown whole, it would be too small to be read. */
const WIDEST = { width: 1400, heights: 3 };
/** As wide as a screen has room beside a graph. */
const ASPECT = 2;
const ROW_GAP = 40;
const COLUMNS = 4;

type Ends = { readonly source: string; readonly target: string };

export function layoutOf(
  dagre: Dagre,
  nodes: readonly { readonly id: string; readonly namespace: string }[],
  edges: readonly Ends[],
): Layout {
  const groupOf = new Map(nodes.map(({ id, namespace }) => [id, namespace === '' ? `\n${id}` : namespace]));
  const groups = [...new Set(groupOf.values())].sort();
  const inner = new Map(
    groups.map((group) => {
      const ids = nodes.filter(({ id }) => groupOf.get(id) === group).map(({ id }) => id);
      const within = edges.filter(
        ({ source, target }) => groupOf.get(source) === group && groupOf.get(target) === group,
      );
      return [group, arranged(dagre, ids, within)] as const;
    }),
  );
  const sizes = new Map(
    groups.map((group) => {
      const { width, height } = inner.get(group)!;
      const isBox = !group.startsWith('\n');
      return [
        group,
        isBox ? { width: width + 2 * BOX.side, height: height + BOX.top + BOX.bottom } : { width, height },
      ] as const;
    }),
  );
  const between = new Map<string, Ends>();
  for (const { source, target } of edges) {
    const [from, to] = [groupOf.get(source)!, groupOf.get(target)!];
    if (from !== to) between.set(`${from}\t${to}`, { source: from, target: to });
  }
  const outer = inRows(layered(dagre, sizes, [...between.values()]), sizes);

  const placed = new Map<string, LaidOutNode>();
  const boxes: Box[] = [];
  const paths = new Map<string, { d: string; middle: Point }>();
  for (const group of groups) {
    const size = sizes.get(group)!;
    const center = outer.nodes.get(group)!;
    const isBox = !group.startsWith('\n');
    const corner = { x: MARGIN + center.x - size.width / 2, y: MARGIN + center.y - size.height / 2 };
    if (isBox) boxes.push({ name: group, ...corner, ...size });
    const offset = isBox ? { x: corner.x + BOX.side, y: corner.y + BOX.top } : corner;
    const { nodes: own, edges: lines } = inner.get(group)!;
    for (const [id, { x, y }] of own) placed.set(id, { id, x: offset.x + x, y: offset.y + y });
    const moved = ({ x, y }: Point) => ({ x: offset.x + x, y: offset.y + y });
    for (const [key, { points, middle }] of lines) {
      paths.set(key, { d: curve(points.map(moved)), middle: moved(middle) });
    }
  }
  for (const { source, target } of edges) {
    if (groupOf.get(source) === groupOf.get(target) && source !== target) continue;
    paths.set(`${source}\n${target}`, across(placed.get(source)!, placed.get(target)!));
  }
  return { nodes: placed, boxes, paths, width: outer.width + 2 * MARGIN, height: outer.height + 2 * MARGIN };
}

/** One namespace: layers, and below them, in rows, what calls nobody here and is called by nobody here. */
function arranged(dagre: Dagre, ids: readonly string[], edges: readonly Ends[]) {
  const joined = new Set(
    edges.filter(({ source, target }) => source !== target).flatMap(({ source, target }) => [source, target]),
  );
  const {
    nodes,
    edges: lines,
    width,
    height,
  } = layered(
    dagre,
    new Map(ids.filter((id) => joined.has(id)).map((id) => [id, NODE])),
    edges.filter(({ source, target }) => source !== target),
  );
  const corners = new Map([...nodes].map(([id, { x, y }]) => [id, { x: x - NODE.width / 2, y: y - NODE.height / 2 }]));
  const alone = ids.filter((id) => !joined.has(id));
  const step = { x: NODE.width + GAP.nodesep, y: NODE.height + GAP.nodesep };
  const columns = Math.min(alone.length, Math.max(COLUMNS, Math.floor((width + GAP.nodesep) / step.x)));
  const top = height === 0 ? 0 : height + GAP.nodesep;
  for (const [index, id] of alone.entries()) {
    corners.set(id, { x: (index % columns) * step.x, y: top + Math.floor(index / columns) * step.y });
  }
  const rows = alone.length === 0 ? 0 : Math.ceil(alone.length / columns);
  return {
    nodes: corners,
    edges: lines,
    width: Math.max(width, columns * step.x - (columns > 0 ? GAP.nodesep : 0)),
    height: rows === 0 ? height : top + rows * step.y - GAP.nodesep,
  };
}

/** Centers of nodes. */
function layered(dagre: Dagre, sizes: ReadonlyMap<string, { width: number; height: number }>, edges: readonly Ends[]) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', ...GAP });
  graph.setDefaultEdgeLabel(() => ({}));
  // dagre keeps nodes in plain objects: a namespace that is called `constructor` would be none of its own.
  const keys = new Map([...sizes.keys()].map((id, index) => [id, `n${index}`]));
  for (const [id, size] of sizes) graph.setNode(keys.get(id)!, { ...size });
  for (const { source, target } of edges) graph.setEdge(keys.get(source)!, keys.get(target)!, { ...LABEL });
  if (sizes.size > 0) dagre.layout(graph);
  const { width = 0, height = 0 } = sizes.size > 0 ? graph.graph() : {};
  return {
    nodes: new Map([...keys].map(([id, key]) => [id, graph.node(key)])),
    edges: new Map(
      edges.map(({ source, target }) => {
        const { points = [], x, y } = graph.edge({ v: keys.get(source)!, w: keys.get(target)! });
        const middle = x === undefined || y === undefined ? points[Math.floor(points.length / 2)]! : { x, y };
        return [`${source}\n${target}`, { points, middle }] as const;
      }),
    ),
    width,
    height,
  };
}

interface Placed {
  /** Centers. */
  readonly nodes: ReadonlyMap<string, Point>;
  readonly width: number;
  readonly height: number;
}

/** A long row is cut into several, one below the other, as text is; what stood beside each other still does. */
function inRows(whole: Placed, sizes: ReadonlyMap<string, { width: number; height: number }>): Placed {
  const { nodes, width, height } = whole;
  if (width <= WIDEST.width || width <= WIDEST.heights * height) return whole;
  const count = Math.ceil(Math.sqrt(width / height / ASPECT));
  const rows = Array.from({ length: count }, () => [] as { id: string; x: number; y: number; w: number; h: number }[]);
  for (const [id, { x, y }] of nodes) {
    const { width: w, height: h } = sizes.get(id)!;
    rows[Math.min(count - 1, Math.floor((x * count) / width))]!.push({ id, x, y, w, h });
  }
  const placed = new Map<string, Point>();
  let [top, widest] = [0, 0];
  for (const row of rows.filter(({ length }) => length > 0)) {
    const left = Math.min(...row.map(({ x, w }) => x - w / 2));
    const upper = Math.min(...row.map(({ y, h }) => y - h / 2));
    for (const { id, x, y } of row) placed.set(id, { x: x - left, y: y - upper + top });
    widest = Math.max(widest, ...row.map(({ x, w }) => x + w / 2 - left));
    top += Math.max(...row.map(({ y, h }) => y + h / 2)) - upper + ROW_GAP;
  }
  return { nodes: placed, width: widest, height: top - ROW_GAP };
}

/** Through all points, with round corners. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points as [Point, ...Point[]];
  let d = `M${at(first)}`;
  for (let index = 0; index < rest.length - 1; index++) {
    const [here, next] = [rest[index]!, rest[index + 1]!];
    const end = index === rest.length - 2 ? next : { x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 };
    d += `Q${at(here)} ${at(end)}`;
  }
  if (rest.length === 1) d += `L${at(rest[0]!)}`;
  return d;
}

/** From the right side of one node to the left side of another, wherever they are. */
function across(source: Point, target: Point): { d: string; middle: Point } {
  const from = { x: source.x + NODE.width, y: source.y + NODE.height / 2 };
  const to = { x: target.x, y: target.y + NODE.height / 2 };
  // Back to the left it turns at once: a wide turn would leave the picture.
  const bend = Math.max(40, (to.x - from.x) / 2);
  const d = `M${at(from)}C${at({ x: from.x + bend, y: from.y })} ${at({ x: to.x - bend, y: to.y })} ${at(to)}`;
  return { d, middle: { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 } };
}

function at({ x, y }: Point): string {
  return `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;
}
