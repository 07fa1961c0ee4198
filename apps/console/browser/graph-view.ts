/** The graph as a picture: drawn anew when its shape changes, else only its numbers. It can be gone through with a keyboard. */
import { svg } from './element';
import { isFailing, milliseconds, rate, STATE_WORDS, trafficWords } from './format';
import { type Dagre, type Layout, layoutOf, NODE } from './layout';
import { type Edge, groupId, type Node, type Shown } from './model';

export interface GraphEvents {
  select(id: string | undefined): void;
  toggle(namespace: string): void;
}

interface Drawn {
  readonly nodes: ReadonlyMap<string, SVGGElement>;
  readonly edges: ReadonlyMap<string, { line: SVGPathElement; label: SVGTextElement; hit: SVGPathElement }>;
}

const keyOf = ({ source, target }: Pick<Edge, 'source' | 'target'>) => `${source}\n${target}`;
const MOST_LABELS = 80;
const ZOOM_STEP = 1.25;

export class GraphView {
  private shape = '';
  private layout: Layout | undefined;
  private drawn: Drawn = { nodes: new Map(), edges: new Map() };
  private shown: Shown = { nodes: [], edges: [], matching: new Set() };
  private view = { x: 0, y: 0, scale: 1 };
  /** Nobody has moved the picture: it fills the place it has. */
  private fits = true;
  private readonly scene = svg('g');

  constructor(
    private readonly dagre: Dagre,
    private readonly root: SVGSVGElement,
    private readonly events: GraphEvents,
  ) {
    const marker = (look: string) =>
      svg(
        'marker',
        {
          id: `tip-${look}`,
          viewBox: '0 0 8 8',
          refX: 7,
          refY: 4,
          markerWidth: 7,
          markerHeight: 7,
          orient: 'auto-start-reverse',
        },
        svg('path', { d: 'M0,0.5L8,4L0,7.5z', class: `tip ${look}` }),
      );
    root.append(svg('defs', {}, ...['expected', 'unseen', 'undeclared', 'failing', 'path'].map(marker)), this.scene);
    this.listen();
  }

  /** @param path ids of nodes in a row whose edges stand out; @param warned ids of nodes with findings. */
  show(shown: Shown, selected: string | undefined, path: readonly string[], warned: ReadonlySet<string>): void {
    this.shown = shown;
    const shape = JSON.stringify([shown.nodes.map(({ id, versions }) => [id, versions]), shown.edges.map(keyOf)]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.layout = layoutOf(this.dagre, shown.nodes, shown.edges);
      this.draw(this.layout);
      this.fit();
    }
    this.mark(selected, path, warned);
  }

  fit(): void {
    if (!this.layout) return;
    this.fits = true;
    const { width, height } = this.root.getBoundingClientRect();
    const scale = Math.min(1.15, width / Math.max(1, this.layout.width), height / Math.max(1, this.layout.height));
    this.view = {
      scale,
      x: (width - this.layout.width * scale) / 2,
      y: (height - this.layout.height * scale) / 2,
    };
    this.place();
  }

  zoom(factor: number, at?: { x: number; y: number }): void {
    const { width, height } = this.root.getBoundingClientRect();
    const { x, y } = at ?? { x: width / 2, y: height / 2 };
    const scale = Math.min(3, Math.max(0.05, this.view.scale * factor));
    const by = scale / this.view.scale;
    this.fits = false;
    this.view = { scale, x: x - (x - this.view.x) * by, y: y - (y - this.view.y) * by };
    this.place();
  }

  get zoomStep(): number {
    return ZOOM_STEP;
  }

  focus(id: string): void {
    this.drawn.nodes.get(id)?.focus();
  }

  private place(): void {
    const { x, y, scale } = this.view;
    this.scene.setAttribute('transform', `translate(${x.toFixed(1)},${y.toFixed(1)}) scale(${scale.toFixed(4)})`);
    this.root.classList.toggle('far', scale < 0.45);
  }

  private draw({ boxes, nodes: places, paths }: Layout): void {
    const nodes = new Map<string, SVGGElement>();
    const edges = new Map<string, { line: SVGPathElement; label: SVGTextElement; hit: SVGPathElement }>();
    const lines = svg('g', { 'aria-hidden': true });
    const labels = svg('g', { 'aria-hidden': true });
    for (const edge of this.shown.edges) {
      const path = paths.get(keyOf(edge));
      if (!path) continue;
      const line = svg('path', { d: path.d });
      const hit = svg('path', { d: path.d, class: 'hit' }, svg('title'));
      const label = svg('text', { class: 'rate', x: path.middle.x, y: path.middle.y - 6 });
      hit.addEventListener('click', () => this.events.select(edge.target));
      lines.append(line, hit);
      labels.append(label);
      edges.set(keyOf(edge), { line, label, hit });
    }
    const all = svg('g');
    for (const node of this.shown.nodes) {
      const place = places.get(node.id);
      if (!place) continue;
      const made = this.nodeOf(node);
      made.setAttribute('transform', `translate(${place.x.toFixed(1)},${place.y.toFixed(1)})`);
      nodes.set(node.id, made);
      all.append(made);
    }
    const frames = boxes.map((box) => {
      const title = svg('text', { class: 'namespace', x: box.x + 14, y: box.y + 22 }, box.name);
      const frame = svg('rect', { class: 'box', x: box.x, y: box.y, width: box.width, height: box.height, rx: 12 });
      const group = svg('g', { 'aria-hidden': true }, frame, title);
      title.addEventListener('dblclick', () => this.events.toggle(box.name));
      return group;
    });
    this.scene.replaceChildren(...frames, lines, labels, all);
    this.drawn = { nodes, edges };
    const [first] = nodes.values();
    first?.setAttribute('tabindex', '0');
  }

  private nodeOf(node: Node): SVGGElement {
    const made = svg(
      'g',
      { class: `node ${node.kind}${isGroup(node.id) ? ' group' : ''}`, role: 'button', tabindex: '-1' },
      svg('rect', { width: NODE.width, height: NODE.height, rx: node.kind === 'gateway' ? NODE.height / 2 : 9 }),
      svg('text', { class: 'name', x: 14, y: 20 }, shortened(node.name, 21)),
      ' ',
      svg('text', { class: 'below', x: 14, y: 36 }, shortened(belowOf(node), 27)),
    );
    if (node.mutualTls === 'STRICT') made.append(lock());
    made.append(svg('circle', { class: 'warning', cx: NODE.width - 4, cy: 4, r: 6 }));
    made.addEventListener('click', () => this.choose(node));
    made.addEventListener('keydown', (event) => this.onKey(event, node));
    made.addEventListener('focus', () => {
      for (const each of this.drawn.nodes.values()) each.setAttribute('tabindex', each === made ? '0' : '-1');
    });
    return made;
  }

  private choose(node: Node): void {
    if (node.id === groupId(node.name)) this.events.toggle(node.name);
    else this.events.select(node.id);
  }

  /** Left and right go along calls, up and down to the nearest node. */
  private onKey(event: KeyboardEvent, node: Node): void {
    const { edges } = this.shown;
    const go = (id: string | undefined) => {
      if (id !== undefined) this.focus(id);
      event.preventDefault();
    };
    switch (event.key) {
      case 'Enter':
      case ' ':
        event.preventDefault();
        this.choose(node);
        break;
      case 'ArrowRight':
        go(edges.find(({ source }) => source === node.id)?.target);
        break;
      case 'ArrowLeft':
        go(edges.find(({ target }) => target === node.id)?.source);
        break;
      case 'ArrowDown':
        go(this.nearest(node.id, 1));
        break;
      case 'ArrowUp':
        go(this.nearest(node.id, -1));
        break;
    }
  }

  private nearest(id: string, direction: 1 | -1): string | undefined {
    const here = this.layout?.nodes.get(id);
    if (!here || !this.layout) return undefined;
    const cost = ({ x, y }: { x: number; y: number }) => Math.abs(y - here.y) + 3 * Math.abs(x - here.x);
    return [...this.layout.nodes.values()]
      .filter(({ y }) => (y - here.y) * direction > 1)
      .sort((a, b) => cost(a) - cost(b))[0]?.id;
  }

  private mark(selected: string | undefined, path: readonly string[], warned: ReadonlySet<string>): void {
    const onPath = new Set(path.slice(1).map((id, index) => `${path[index]}\n${id}`));
    const near = new Set(selected === undefined ? [] : [selected, ...path]);
    for (const edge of this.shown.edges) {
      const drawn = this.drawn.edges.get(keyOf(edge));
      if (!drawn) continue;
      const isOnPath = onPath.has(keyOf(edge));
      const isNear = selected === undefined || isOnPath || edge.source === selected || edge.target === selected;
      if (isNear) near.add(edge.source).add(edge.target);
      const look = isOnPath
        ? 'path'
        : isFailing(edge)
          ? 'failing'
          : edge.state === 'declared'
            ? 'expected'
            : edge.state;
      drawn.line.setAttribute('class', `edge ${look}${isNear ? '' : ' faint'}`);
      drawn.line.setAttribute('marker-end', `url(#tip-${look})`);
      drawn.line.setAttribute(
        'stroke-width',
        (1.4 + Math.min(3, Math.log10(1 + (edge.traffic?.perSecond ?? 0)))).toFixed(2),
      );
      drawn.hit.firstElementChild!.textContent =
        `${edge.source} → ${edge.target}: ${STATE_WORDS[edge.state]}; ${trafficWords(edge)}`;
      const isLabelled = (this.shown.edges.length <= MOST_LABELS && isNear) || (selected !== undefined && isNear);
      const { traffic } = edge;
      drawn.label.textContent =
        isLabelled && traffic && traffic.perSecond > 0
          ? `${rate(traffic.perSecond)} · ${milliseconds(traffic.p99)}`
          : '';
    }
    for (const node of this.shown.nodes) {
      const drawn = this.drawn.nodes.get(node.id);
      if (!drawn) continue;
      drawn.classList.toggle('selected', node.id === selected);
      drawn.classList.toggle('faint', selected !== undefined && !near.has(node.id));
      drawn.classList.toggle('aside', !this.shown.matching.has(node.id));
      drawn.classList.toggle('warned', warned.has(node.id));
      drawn.setAttribute('aria-pressed', String(node.id === selected));
      const calls = this.shown.edges.filter(({ source }) => source === node.id).length;
      drawn.setAttribute(
        'aria-label',
        [
          `${shortened(node.name, 21)} ${shortened(belowOf(node), 27)}`,
          node.namespace && `namespace ${node.namespace}`,
          node.kind,
          `calls ${calls}`,
          warned.has(node.id) && 'has findings',
        ]
          .filter(Boolean)
          .join(', '),
      );
    }
  }

  private listen(): void {
    this.root.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        const { left, top } = this.root.getBoundingClientRect();
        this.zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1, { x: event.clientX - left, y: event.clientY - top });
      },
      { passive: false },
    );
    let from: { x: number; y: number } | undefined;
    this.root.addEventListener('pointerdown', (event) => {
      if ((event.target as Element).closest('.node')) return;
      from = { x: event.clientX - this.view.x, y: event.clientY - this.view.y };
      this.root.setPointerCapture(event.pointerId);
    });
    this.root.addEventListener('pointermove', (event) => {
      if (!from) return;
      this.fits = false;
      this.view = { ...this.view, x: event.clientX - from.x, y: event.clientY - from.y };
      this.place();
    });
    const end = () => {
      from = undefined;
    };
    this.root.addEventListener('pointerup', end);
    this.root.addEventListener('pointercancel', end);
    this.root.addEventListener('click', (event) => {
      if (event.target === this.root) this.events.select(undefined);
    });
    new ResizeObserver(() => this.fits && this.fit()).observe(this.root);
  }
}

function lock(): SVGGElement {
  return svg(
    'g',
    { class: 'lock', transform: `translate(${NODE.width - 24},14)` },
    svg('rect', { x: 0, y: 6, width: 11, height: 8, rx: 1.5 }),
    svg('path', { d: 'M2.5,6V3.5a3,3 0 0 1 6,0V6' }),
  );
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** The second line: versions and how routes split requests between them; of a namespace, how much is in it. */
function belowOf({ id, kind, versions }: Node): string {
  if (kind === 'external') return 'outside the mesh';
  // Canonical names call a version so that has none.
  if (versions.length === 0 || (versions.length === 1 && versions[0]!.name === 'latest')) return kind;
  const words = versions.map(({ name, weight, instances }) => {
    if (isGroup(id)) return `${instances} ${name}`;
    return weight === undefined ? name : `${name} ${weight} %`;
  });
  return words.join(' · ');
}

function isGroup(id: string): boolean {
  return id.endsWith('/*');
}
