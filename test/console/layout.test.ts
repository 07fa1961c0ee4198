import fc from 'fast-check';
import { type Dagre, layoutOf, NODE } from '../../apps/console/browser/layout';

const dagre = require('@dagrejs/dagre') as Dagre;
const graph = fc
  .record({
    namespaces: fc.array(fc.constantFrom('', 'shop', 'bank', 'constructor'), { minLength: 1, maxLength: 25 }),
    pairs: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 50 }),
  })
  .map(({ namespaces, pairs }) => {
    const nodes = namespaces.map((namespace, index) => ({ id: `${namespace}/${index}`, namespace }));
    const edges = new Map(
      pairs.map(([a, b]) => {
        const [source, target] = [nodes[a % nodes.length]!.id, nodes[b % nodes.length]!.id];
        return [`${source}\n${target}`, { source, target }] as const;
      }),
    );
    return { nodes, edges: [...edges.values()] };
  });

describe('a layout', () => {
  test('has a place for every node and a line for every edge, whatever the graph', () => {
    fc.assert(
      fc.property(graph, ({ nodes, edges }) => {
        const { nodes: places, paths } = layoutOf(dagre, nodes, edges);
        expect([...places.keys()].sort()).toEqual(nodes.map(({ id }) => id).sort());
        expect([...paths.keys()].sort()).toEqual(edges.map(({ source, target }) => `${source}\n${target}`).sort());
        for (const { d } of paths.values()) expect(d).not.toContain('NaN');
      }),
    );
  });

  test('puts no node onto another, and each into the box of its namespace', () => {
    fc.assert(
      fc.property(graph, ({ nodes, edges }) => {
        const { nodes: places, boxes } = layoutOf(dagre, nodes, edges);
        const all = [...places.values()];
        const overlapping = all.filter((one, index) =>
          all.some(
            (other, at) =>
              at > index && Math.abs(one.x - other.x) < NODE.width && Math.abs(one.y - other.y) < NODE.height,
          ),
        );
        expect(overlapping).toEqual([]);
        for (const { id, namespace } of nodes.filter((node) => node.namespace !== '')) {
          const { x, y } = places.get(id)!;
          const box = boxes.find(({ name }) => name === namespace)!;
          expect(x >= box.x && x + NODE.width <= box.x + box.width).toBe(true);
          expect(y >= box.y && y + NODE.height <= box.y + box.height).toBe(true);
        }
      }),
    );
  });

  test('goes from callers to callees, left to right', () => {
    const nodes = ['edge', 'page', 'reviews'].map((id) => ({ id, namespace: 'shop' }));
    const { nodes: places } = layoutOf(dagre, nodes, [
      { source: 'edge', target: 'page' },
      { source: 'page', target: 'reviews' },
    ]);
    expect(places.get('edge')!.x).toBeLessThan(places.get('page')!.x);
    expect(places.get('page')!.x).toBeLessThan(places.get('reviews')!.x);
  });

  /** Namespaces that call each other in a row, and the last one the first. */
  const chain = (count: number) => {
    const nodes = Array.from({ length: count }, (_, n) => ({ id: `team-${n}/api`, namespace: `team-${n}` }));
    const edges = nodes.map(({ id }, n) => ({ source: id, target: nodes[(n + 1) % count]!.id }));
    return layoutOf(dagre, nodes, edges);
  };

  test('breaks a long row of namespaces into several, in their order, so that they can be read', () => {
    const { nodes, boxes, width, height } = chain(24);
    expect(width / height).toBeLessThan(4);
    const rows = [...new Set([...nodes.values()].map(({ y }) => Math.round(y / NODE.height)))];
    expect(rows.length).toBeGreaterThan(1);
    for (const { x, y, width: w, height: h } of boxes) {
      expect(x >= 0 && x + w <= width && y >= 0 && y + h <= height).toBe(true);
      const covering = boxes.filter(
        (box) => x < box.x + box.width && box.x < x + w && y < box.y + box.height && box.y < y + h,
      );
      expect(covering).toHaveLength(1);
    }
    expect(nodes.get('team-1/api')!.x).toBeGreaterThan(nodes.get('team-0/api')!.x);
  });

  test('leaves a row that fits as it is, and keeps every line inside the picture', () => {
    expect(chain(4).height).toBeLessThan(250);
    const { paths, width } = chain(24);
    for (const { d } of paths.values()) {
      const xs = [...d.matchAll(/(-?[\d.]+),-?[\d.]+/g)].map(([, x]) => Number(x));
      // The points that bend a curve lie beyond it.
      expect(Math.min(...xs)).toBeGreaterThanOrEqual(-40);
      expect(Math.max(...xs)).toBeLessThanOrEqual(width + 40);
    }
  });
});
