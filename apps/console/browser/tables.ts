/** The views that are tables: calls, proxies, findings, certificates. */
import { byId, fill, html } from './element';
import {
  count,
  distance,
  duration,
  isFailing,
  milliseconds,
  minute,
  rate,
  STATE_WORDS,
  share,
  TLS_WORDS,
} from './format';
import type { Edge, Finding, Graph, Proxy, Status, TypeStatus } from './model';

export const TYPES = ['listeners', 'routes', 'clusters', 'endpoints', 'secrets'] as const;
const STATES: Record<string, readonly [string, string]> = {
  synced: ['good', '✓'],
  pending: ['wait', '…'],
  nacked: ['bad', '✗'],
  unsubscribed: ['', '–'],
  unknown: ['wait', '?'],
};
const LEVELS = { error: 'bad', warning: 'wait', info: '' };

/** `sidecar~198.18.1.2~reviews-v1.shop~shop.svc.cluster.local` is shown as `reviews-v1.shop`. */
export function nameOfProxy(id: string): string {
  return id.split('~')[2] || id || '(unnamed)';
}

export function showCalls(edges: readonly Edge[]): void {
  table('calls', edges, (edge) => {
    const { source, target, state, traffic, mutualTls } = edge;
    return [
      html('td', { class: 'name' }, source),
      html('td', { class: 'name' }, target),
      html('td', {}, html('span', { class: `state ${state}` }, STATE_WORDS[state])),
      html('td', {}, TLS_WORDS[mutualTls]),
      html('td', { class: 'number' }, traffic ? rate(traffic.perSecond) : '–'),
      html('td', { class: `number${isFailing(edge) ? ' bad' : ''}` }, traffic ? share(traffic.errorShare) : '–'),
      html('td', { class: 'number' }, milliseconds(traffic?.p50)),
      html('td', { class: 'number' }, milliseconds(traffic?.p99)),
      html('td', { class: 'number' }, traffic ? traffic.count.toLocaleString('en') : state === 'unseen' ? '0' : '–'),
    ];
  });
}

/** @param isOfMany there are several replicas, so it matters which of them serves a proxy. */
export function showProxies(proxies: readonly Proxy[], isOfMany: boolean, open: (id: string) => void): void {
  const sorted = [...proxies].sort((a, b) => (nameOfProxy(a.node.id) < nameOfProxy(b.node.id) ? -1 : 1));
  table('proxies', sorted, ({ node, types, replica }) => {
    const name = html('button', { type: 'button', class: 'link' }, nameOfProxy(node.id));
    name.addEventListener('click', () => open(node.id));
    const kind = [node.id.split('~')[0], node.version && `Envoy ${node.version}`, isOfMany && `at ${replica}`];
    return [
      html('td', { class: 'name' }, name, html('span', { class: 'note' }, kind.filter(Boolean).join(', '))),
      ...TYPES.map((type) => syncCell(types[type])),
    ];
  });
}

function syncCell(status: TypeStatus | undefined): HTMLElement {
  const { state, resources, error } = status ?? { state: 'unsubscribed', resources: 0, error: undefined };
  const [kind, sign] = STATES[state] ?? STATES['unknown']!;
  return html(
    'td',
    {},
    html('span', { class: kind }, `${sign} ${state === 'synced' ? resources : state}`),
    error === undefined ? undefined : html('span', { class: 'note' }, error),
  );
}

export function showFindings(findings: readonly Finding[]): void {
  const order = { error: 0, warning: 1, info: 2 };
  const sorted = [...findings].sort((a, b) => order[a.level] - order[b.level]);
  table('findings', sorted, ({ level, code, resource, message, file, line, path, fix, construct }) => [
    html('td', { class: LEVELS[level] }, level),
    html('td', {}, code),
    html(
      'td',
      { class: 'name' },
      resource,
      html('span', { class: 'note' }, file ? `${file}${line ? `:${line}` : ''}` : (construct ?? '')),
    ),
    html('td', {}, message, html('span', { class: 'note' }, [path && `at ${path}`, fix].filter(Boolean).join(' — '))),
  ]);
}

export function showCertificates({ certificates, certificateSeconds }: Graph, now: number): void {
  byId('lifetime').textContent =
    certificateSeconds === undefined
      ? ''
      : `Workloads’ certificates live ${duration(certificateSeconds)} and are renewed at half of it.`;
  // Told to the minute, so that the table is not written anew all the time.
  table('certificates', certificates, ({ level, notBefore, notAfter, isOverdue, replicas }) => [
    html('td', {}, level, replicas && html('span', { class: 'note' }, `of ${replicas.join(', ')}`)),
    html('td', {}, minute(notBefore)),
    html('td', {}, minute(notAfter)),
    html(
      'td',
      { class: isOverdue ? 'bad' : 'good' },
      isOverdue ? 'renewal is overdue' : `expires ${distance(notAfter, now)}`,
    ),
  ]);
}

/** One line about all of it. */
export function summaryOf({ proxies, findings, configuration }: Status): string {
  const nacked = proxies.filter(({ types }) => TYPES.some((type) => types[type]?.state === 'nacked')).length;
  const errors = findings.filter(({ level }) => level === 'error').length;
  const states: Record<string, string> = {
    stale: 'the last good configuration is in force',
    waiting: 'waiting for the first configuration',
  };
  return [
    count(proxies.length, 'proxy', 'proxies'),
    nacked > 0 ? `${nacked} with rejected configuration` : 'all configuration accepted',
    errors > 0 ? count(errors, 'error') : 'no errors',
    states[configuration?.state ?? ''],
  ]
    .filter(Boolean)
    .join(' · ');
}

function table<Value>(id: string, values: readonly Value[], cells: (value: Value) => readonly HTMLElement[]): void {
  const body = byId(id).querySelector('tbody')!;
  byId(`${id}-empty`).hidden = values.length > 0;
  byId(id).hidden = values.length === 0;
  fill(body, JSON.stringify(values), () => values.map((value) => html('tr', {}, ...cells(value))));
}
