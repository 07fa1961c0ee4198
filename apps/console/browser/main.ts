/** The console: asks the control plane again and again, and shows what it says. */

import { configurationOf } from './configuration';
import { detailsOf } from './details';
import { byId, html } from './element';
import { count } from './format';
import { GraphView } from './graph-view';
import type { Dagre } from './layout';
import {
  type Configured,
  type EdgeState,
  findingsOf,
  type Graph,
  pathTo,
  type Selection,
  type Status,
  shownOf,
} from './model';
import { countedWords, silentWords, whyUnknown } from './replica-words';
import { nameOfProxy, showCalls, showCertificates, showFindings, showProxies, summaryOf } from './tables';

declare const dagre: Dagre;

const POLL_MILLISECONDS = 2000;
/** Above so many services, namespaces begin as one node each. */
const MOST_SERVICES_AT_ONCE = 60;

let graph: Graph | undefined;
let status: Status | undefined;
let selected: string | undefined;
let collapsed: Set<string> | undefined;

const view = new GraphView(dagre, byId<SVGSVGElement>('graph'), {
  select: choose,
  toggle(namespace) {
    if (!collapsed?.delete(namespace)) collapsed?.add(namespace);
    show();
  },
});

function choose(id: string | undefined): void {
  selected = id;
  show();
}

function selection(): Selection {
  const states = new Set<EdgeState>(['declared']);
  for (const box of document.querySelectorAll<HTMLInputElement>('#states input'))
    if (box.checked) states.add(box.value as EdgeState);
  return {
    words: byId<HTMLInputElement>('filter').value,
    namespace: byId<HTMLSelectElement>('namespace').value,
    states,
    collapsed: collapsed ?? new Set(),
  };
}

function show(): void {
  if (!graph || !status) return;
  const { findings } = status;
  byId('summary').textContent = summaryOf(status);
  for (const [id, n] of Object.entries({
    calls: graph.edges.length,
    proxies: status.proxies.length,
    findings: findings.length,
  })) {
    byId(`${id}-count`).textContent = String(n);
  }
  byId('findings-count').classList.toggle(
    'alarm',
    findings.some(({ level }) => level === 'error'),
  );
  offerNamespaces(graph);
  const names = [...new Set(graph.nodes.map(({ namespace }) => namespace))].filter(Boolean);
  collapsed ??= new Set(graph.nodes.length > MOST_SERVICES_AT_ONCE && names.length > 1 ? names : []);
  const fold = byId<HTMLButtonElement>('fold');
  fold.hidden = names.length < 2;
  fold.textContent = collapsed.size > 0 ? 'Open all namespaces' : 'Fold namespaces';

  const node = graph.nodes.find(({ id }) => id === selected);
  const path = node ? pathTo(graph, node.id) : [];
  const warned = new Set(graph.nodes.filter((each) => findingsOf(findings, each).length > 0).map(({ id }) => id));
  const shown = shownOf(graph, selection());
  byId('graph-empty').hidden = shown.nodes.length > 0;
  byId('graph-empty').textContent =
    graph.nodes.length === 0 ? 'There are no services yet.' : 'No service matches the filter.';
  if (!byId('view-graph').hidden) view.show(shown, node?.id, path, warned);
  byId('shown').textContent = `${count(shown.nodes.length, 'node')}, ${count(shown.edges.length, 'call')}`;
  showSelected(path);
  showUnseen(graph);
  const words = selection().words.toLowerCase();
  showCalls(graph.edges.filter(({ source, target }) => `${source} ${target}`.toLowerCase().includes(words)));
  showProxies(status.proxies, (status.replicas ?? []).length > 1, (id) => void showConfiguration(id));
  showFindings(findings);
  showCertificates(graph, Date.now());
}

function showSelected(path: readonly string[]): void {
  const panel = byId('details');
  const node = graph!.nodes.find(({ id }) => id === selected);
  const key = JSON.stringify([
    node,
    path,
    node && graph!.edges.filter(({ source, target }) => source === node.id || target === node.id),
  ]);
  if (panel.dataset['key'] === key) return;
  panel.dataset['key'] = key;
  panel.hidden = !node;
  const close = html('button', { type: 'button', class: 'close', 'aria-label': 'close' }, '×');
  close.addEventListener('click', () => choose(undefined));
  panel.replaceChildren(...(node ? [close, ...detailsOf(graph!, status!.findings, node, path, choose)] : []));
}

function showUnseen(graph: Graph): void {
  const list = byId('unseen');
  const lines = graph.unseen.map(
    ({ source, target, declaredBy }) => `${source} → ${target} (${declaredBy.join(', ')})`,
  );
  const unknown = whyUnknown(graph);
  byId('unseen-title').textContent = `Declared, never seen${unknown ? '' : `: ${lines.length}`}`;
  byId('unseen-note').textContent = unknown ?? countedWords(graph);
  const key = lines.join('\n');
  if (list.dataset['key'] === key) return;
  list.dataset['key'] = key;
  list.replaceChildren(...lines.map((line) => html('li', {}, line)));
}

function offerNamespaces({ nodes }: Graph): void {
  const choice = byId<HTMLSelectElement>('namespace');
  const names = [...new Set(nodes.map(({ namespace }) => namespace))].filter(Boolean).sort();
  const key = names.join('\n');
  if (choice.dataset['key'] === key) return;
  choice.dataset['key'] = key;
  const before = choice.value;
  choice.replaceChildren(
    html('option', { value: '' }, 'all namespaces'),
    ...names.map((name) => html('option', { value: name }, name)),
  );
  choice.value = names.includes(before) ? before : '';
}

async function showConfiguration(id: string): Promise<void> {
  const dialog = byId<HTMLDialogElement>('configuration');
  byId('configuration-title').textContent = `Configuration of ${nameOfProxy(id)}`;
  const body = byId('configuration-body');
  body.replaceChildren(html('p', { class: 'quiet' }, 'Asking the control plane…'));
  if (!dialog.open) dialog.showModal();
  const response = await fetch(`/config?proxy=${encodeURIComponent(id)}`, { cache: 'no-store' });
  if (!response.ok) {
    body.replaceChildren(html('p', { class: 'bad' }, await response.text()));
    return;
  }
  body.replaceChildren(...configurationOf((await response.json()) as Configured));
}

async function ask<Answer>(path: string): Promise<Answer> {
  const response = await fetch(path, { cache: 'no-store' });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  return response.json() as Promise<Answer>;
}

async function poll(): Promise<void> {
  const trouble = byId('trouble');
  try {
    [graph, status] = await Promise.all([ask<Graph>('/graph'), ask<Status>('/status')]);
    show();
    trouble.textContent = silentWords(graph.replicas);
    trouble.hidden = trouble.textContent === '';
  } catch (error) {
    trouble.textContent = `The control plane cannot be asked (${(error as Error).message}); what is shown may be old.`;
    trouble.hidden = false;
  }
  setTimeout(() => void poll(), POLL_MILLISECONDS);
}

const VIEWS = ['graph', 'calls', 'proxies', 'findings', 'certificates'];

function openView(): void {
  const wanted = VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : 'graph';
  for (const name of VIEWS) {
    byId(`view-${name}`).hidden = name !== wanted;
    const link = document.querySelector(`nav a[href="#${name}"]`)!;
    if (name === wanted) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  show();
}

window.addEventListener('hashchange', openView);
byId('filter').addEventListener('input', show);
byId('namespace').addEventListener('change', show);
byId('states').addEventListener('change', show);
byId('fold').addEventListener('click', () => {
  const names = new Set(graph?.nodes.map(({ namespace }) => namespace).filter(Boolean));
  collapsed = collapsed && collapsed.size > 0 ? new Set() : names;
  show();
});
byId('zoom-in').addEventListener('click', () => view.zoom(view.zoomStep));
byId('zoom-out').addEventListener('click', () => view.zoom(1 / view.zoomStep));
byId('zoom-fit').addEventListener('click', () => view.fit());
byId('configuration-close').addEventListener('click', () => byId<HTMLDialogElement>('configuration').close());
document.addEventListener('keydown', (event) => {
  const isTyping = (event.target as Element).matches('input, select, textarea');
  if (event.key === 'Escape' && !byId<HTMLDialogElement>('configuration').open) choose(undefined);
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/') {
    event.preventDefault();
    byId('filter').focus();
  }
  if (event.key === '+') view.zoom(view.zoomStep);
  if (event.key === '-') view.zoom(1 / view.zoomStep);
  if (event.key === '0') view.fit();
});

openView();
void poll();
