import { createContext, runInContext } from 'node:vm';
import { consolePage } from '../../apps/console/page';

/** As much of a document as the page's script asks for. */
class FakeElement {
  textContent = '';
  className = '';
  hidden = false;
  children: (FakeElement | string)[] = [];
  readonly tBodies: FakeElement[] = [];
  constructor(readonly tag: string) {
    if (tag === 'table') this.tBodies.push(new FakeElement('tbody'));
  }
  append(...children: (FakeElement | string)[]): void {
    this.children.push(...children);
  }
  replaceChildren(...children: (FakeElement | string)[]): void {
    this.children = children;
  }
  /** What a reader sees, cells separated by a bar. */
  get text(): string {
    return this.children
      .map((child) => (typeof child === 'string' ? child : child.text))
      .join(this.tag === 'tr' ? ' | ' : ' ');
  }
}

/** Runs the page's own script against `status`, and gives what it shows. */
async function shown(status: unknown, ok = true) {
  const page = consolePage();
  const elements = new Map<string, FakeElement>();
  for (const [, tag, id] of page.matchAll(/<(\w+) id="(\w+(?:-\w+)?)"/g)) elements.set(id!, new FakeElement(tag!));
  const asked: string[] = [];
  const context = createContext({
    document: {
      getElementById: (id: string) => elements.get(id),
      createElement: (tag: string) => new FakeElement(tag),
    },
    fetch: async (url: string) => {
      asked.push(url);
      return { ok, status: ok ? 200 : 503, json: async () => JSON.parse(JSON.stringify(status)) };
    },
    setTimeout: () => undefined,
  });
  const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(page) ?? [];
  runInContext(script, context);
  await new Promise((resolve) => setImmediate(resolve));
  const rows = (id: string) => elements.get(id)!.tBodies[0]!.children.map((row) => (row as FakeElement).text);
  return { elements, asked, rows };
}

const synced = { state: 'synced', resources: 3, version: '1', rejected: [] };
const types = {
  listeners: synced,
  routes: synced,
  clusters: synced,
  endpoints: synced,
  secrets: { ...synced, state: 'unsubscribed' },
};
const STATUS = {
  proxies: [
    { node: { id: 'sidecar~198.18.0.1~reviews-v1.shop~shop.svc.cluster.local', version: '1.40.0' }, types },
    {
      node: { id: 'router~198.18.0.2~edge.shop~shop.svc.cluster.local' },
      types: { ...types, routes: { ...synced, state: 'nacked', error: 'bad regex' } },
    },
  ],
  findings: [
    {
      code: 'IST0101',
      level: 'error',
      resource: 'VirtualService shop/reviews',
      message: 'referenced host not found',
      file: 'a.yaml',
      line: 3,
    },
  ],
  calls: [{ source: 'productpage.shop', destination: 'reviews.shop', code: 200, count: 12345 }],
};

describe('the console', () => {
  test('shows proxies, findings and calls', async () => {
    const { elements, rows } = await shown(STATUS);
    expect(elements.get('summary')!.textContent).toBe('2 proxies · 1 with rejected configuration · 1 error');
    expect(rows('proxies')).toEqual([
      'edge.shop router | ✓ 3 | ✗ nacked bad regex | ✓ 3 | ✓ 3 | – unsubscribed',
      'reviews-v1.shop sidecar, Envoy 1.40.0 | ✓ 3 | ✓ 3 | ✓ 3 | ✓ 3 | – unsubscribed',
    ]);
    expect(rows('findings')).toEqual([
      'error | IST0101 | VirtualService shop/reviews a.yaml:3 | referenced host not found',
    ]);
    expect(rows('calls')).toEqual(['productpage.shop | reviews.shop | 200 | 12,345']);
    expect(elements.get('trouble')!.hidden).toBe(true);
  });

  test('says when what is in force is not the newest', async () => {
    const { elements } = await shown({ ...STATUS, configuration: { state: 'stale' } });
    expect(elements.get('summary')!.textContent).toContain('the last good configuration is in force');
  });

  test('says what there is none of', async () => {
    const { elements } = await shown({ proxies: [], findings: [], calls: [] });
    expect(elements.get('proxies-empty')!.hidden).toBe(false);
    expect(elements.get('proxies')!.hidden).toBe(true);
  });

  test('says when the control plane cannot be asked', async () => {
    const { elements } = await shown({}, false);
    expect(elements.get('trouble')!.hidden).toBe(false);
    expect(elements.get('trouble')!.textContent).toContain('it answers 503');
  });

  test('asks nobody but its own control plane', async () => {
    const page = consolePage();
    expect((await shown(STATUS)).asked).toEqual(['/status']);
    expect(page).toContain("default-src 'none'; connect-src 'self'");
    expect(page).not.toMatch(/https?:\/\//);
  });

  test('writes what comes from the mesh as text, never as markup', () => {
    expect(consolePage()).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/);
  });

  test('can be read by a screen reader: language, title, labelled regions, headed columns', () => {
    const page = consolePage();
    expect(page).toMatch(/<html lang="en">/);
    expect(page).toMatch(/<title>Malha<\/title>/);
    expect(page.match(/<section aria-labelledby=/g)).toHaveLength(3);
    expect(page.match(/<th scope="col"/g)).toHaveLength(14);
    expect(page).toMatch(/role="status"/);
  });
});
