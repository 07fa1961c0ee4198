/** What is known about the chosen node: its versions, its calls, its findings, and the way of a request to it. */
import { html } from './element';
import { count, isFailing, milliseconds, rate, STATE_WORDS, share, TLS_WORDS } from './format';
import { type Edge, type Finding, findingsOf, type Graph, type Node } from './model';

const MODES = {
  STRICT: 'takes mutual TLS only',
  PERMISSIVE: 'takes plain traffic, too',
  DISABLE: 'takes plain traffic only',
};

export function detailsOf(
  graph: Graph,
  findings: readonly Finding[],
  node: Node,
  path: readonly string[],
  choose: (id: string) => void,
): HTMLElement[] {
  const link = (id: string) => {
    const made = html('button', { type: 'button', class: 'link' }, id);
    made.addEventListener('click', () => choose(id));
    return made;
  };
  const callers = graph.edges.filter(({ target }) => target === node.id);
  const calls = graph.edges.filter(({ source }) => source === node.id);
  const about = findingsOf(findings, node);
  const traces = graph.traces && tracesLink(graph.traces, node);
  return [
    html('h2', {}, node.name),
    html(
      'p',
      { class: 'quiet' },
      [node.kind, node.namespace && `namespace ${node.namespace}`].filter(Boolean).join(' · '),
    ),
    ...(node.host ? [html('p', { class: 'mono' }, node.host)] : []),
    ...(node.mutualTls
      ? [html('p', { class: node.mutualTls === 'STRICT' ? 'good' : 'wait' }, MODES[node.mutualTls])]
      : []),
    ...(path.length > 1
      ? section(
          'Path of a request',
          html('ol', { class: 'path', id: 'path' }, ...path.map((id) => html('li', {}, link(id)))),
        )
      : []),
    ...(node.versions.length > 0 ? section('Versions', html('ul', {}, ...node.versions.map(versionOf))) : []),
    ...section(
      count(callers.length, 'caller'),
      edgeList(callers, ({ source }) => link(source)),
    ),
    ...section(
      `Calls ${count(calls.length, 'service')}`,
      edgeList(calls, ({ target }) => link(target)),
    ),
    ...(about.length > 0 ? section(count(about.length, 'finding'), html('ul', {}, ...about.map(findingItem))) : []),
    ...(traces ? [html('p', {}, traces)] : []),
  ];
}

function section(title: string, body: HTMLElement): HTMLElement[] {
  return [html('h3', {}, title), body];
}

function versionOf({ name, instances, weight }: Node['versions'][number]): HTMLElement {
  const share = weight === undefined ? '' : `${weight} % of requests, `;
  return html('li', {}, html('b', {}, name), ` ${share}${count(instances, 'instance')}`);
}

function edgeList(edges: readonly Edge[], end: (edge: Edge) => HTMLElement): HTMLElement {
  if (edges.length === 0) return html('p', { class: 'quiet' }, 'none');
  return html('ul', {}, ...edges.map((edge) => html('li', {}, end(edge), ...factsOf(edge))));
}

function factsOf(edge: Edge): HTMLElement[] {
  const { traffic, state, declaredBy, mutualTls } = edge;
  const lines = [
    html(
      'span',
      { class: `note state ${state}` },
      `${STATE_WORDS[state]}${declaredBy.length > 0 ? `: ${declaredBy.join(', ')}` : ''}`,
    ),
    html('span', { class: 'note' }, TLS_WORDS[mutualTls]),
  ];
  if (traffic) {
    const numbers =
      traffic.perSecond > 0
        ? `${rate(traffic.perSecond)}, ${share(traffic.errorShare)} errors, half within ${milliseconds(traffic.p50)}, 99 % within ${milliseconds(traffic.p99)}`
        : 'quiet now';
    const codes = traffic.codes.map(
      ({ code, count: n }) => `${n.toLocaleString('en')} × ${code === 0 ? 'no answer' : code}`,
    );
    const subsets = traffic.subsets.map(({ name, count: n }) => `${name}: ${n.toLocaleString('en')}`);
    lines.unshift(html('span', { class: `note${isFailing(edge) ? ' bad' : ''}` }, numbers));
    lines.push(html('span', { class: 'note' }, [...codes, ...subsets].join(', ')));
  }
  return lines;
}

function findingItem({ code, level, message, file, line, construct, fix }: Finding): HTMLElement {
  const place = file ? `${file}${line ? `:${line}` : ''}` : construct;
  return html(
    'li',
    {},
    html('b', { class: level === 'error' ? 'bad' : 'wait' }, code),
    ` ${message}`,
    html('span', { class: 'note' }, [place, fix].filter(Boolean).join(' — ')),
  );
}

/** `{service}` of the address is the name that traces have for the service. */
function tracesLink(template: string, { name, namespace }: Node): HTMLElement | undefined {
  const address = template.includes('{service}')
    ? template.replaceAll('{service}', encodeURIComponent(`${name}.${namespace}`))
    : template;
  // An operator gives it; still no script may come to run by it.
  if (!/^https?:\/\//.test(address)) return undefined;
  return html('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, 'Its traces');
}
