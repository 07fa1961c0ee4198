/**
 * The page's script, as text: what browsers of the last years run without a build step. `viewOf` turns a status into
 * rows of cells and is pure; the rest puts cells into the page, always as text.
 */
export const SCRIPT = `
'use strict';
const POLL_MILLISECONDS = 2000;
const TYPES = ['listeners', 'routes', 'clusters', 'endpoints', 'secrets'];
const STATES = {
  synced: ['good', '✓'], pending: ['wait', '…'], nacked: ['bad', '✗'], unsubscribed: ['', '–'], unknown: ['wait', '?'],
};
const CONFIGURATIONS = { stale: 'the last good configuration is in force', waiting: 'waiting for the first configuration' };
const LEVELS = { error: 'bad', warning: 'wait', info: '' };

function viewOf(status) {
  const proxies = status.proxies || [], findings = status.findings || [], calls = status.calls || [];
  const nacked = proxies.filter((proxy) => TYPES.some((type) => stateOf(proxy, type).state === 'nacked')).length;
  const errors = findings.filter((finding) => finding.level === 'error').length;
  return {
    summary: [
      count(proxies.length, 'proxy', 'proxies'),
      nacked ? nacked + ' with rejected configuration' : 'all configuration accepted',
      errors ? count(errors, 'error', 'errors') : 'no errors',
      CONFIGURATIONS[(status.configuration || {}).state],
    ].filter(Boolean).join(' · '),
    proxies: proxies.map(proxyRow).sort((a, b) => (a[0].text < b[0].text ? -1 : 1)),
    findings: findings.map(findingRow),
    calls: calls.map(callRow),
  };
}

function stateOf(proxy, type) {
  return (proxy.types || {})[type] || { state: 'unsubscribed', resources: 0 };
}

function proxyRow(proxy) {
  const node = proxy.node || {}, parts = String(node.id || '').split('~');
  return [
    { text: parts[2] || node.id || '(unnamed)', note: [parts[0], node.version && 'Envoy ' + node.version].filter(Boolean).join(', '), name: true },
    ...TYPES.map((type) => {
      const one = stateOf(proxy, type), [kind, sign] = STATES[one.state] || STATES.unknown;
      const text = one.state === 'synced' ? sign + ' ' + one.resources : sign + ' ' + one.state;
      return { text, kind, note: one.error };
    }),
  ];
}

function findingRow(finding) {
  const place = finding.file ? finding.file + (finding.line ? ':' + finding.line : '') : finding.construct;
  return [
    { text: finding.level, kind: LEVELS[finding.level] },
    { text: finding.code },
    { text: finding.resource, note: place, name: true },
    { text: finding.message, note: [finding.path && 'at ' + finding.path, finding.fix].filter(Boolean).join(' — ') },
  ];
}

function callRow(call) {
  const bad = Number(call.code) >= 500 || (call.code === 0 && call.protocol !== 'tcp');
  return [
    { text: call.source, name: true },
    { text: call.destination, name: true },
    { text: String(call.code), kind: bad ? 'bad' : '' },
    { text: Number(call.count).toLocaleString('en'), number: true },
  ];
}

function count(n, one, many) {
  return n + ' ' + (n === 1 ? one : many);
}

function show(view) {
  document.getElementById('summary').textContent = view.summary;
  for (const id of ['proxies', 'findings', 'calls']) showTable(id, view[id]);
}

function showTable(id, rows) {
  const table = document.getElementById(id), shown = JSON.stringify(rows);
  document.getElementById(id + '-empty').hidden = rows.length > 0;
  table.hidden = rows.length === 0;
  // What has not changed stays, with the reader's selection in it.
  if (table.shown === shown) return;
  table.shown = shown;
  table.tBodies[0].replaceChildren(...rows.map((cells) => element('tr', '', cells.map(cellOf))));
}

function cellOf(cell) {
  const parts = [element('span', cell.kind || '', [String(cell.text === undefined ? '' : cell.text)])];
  if (cell.note) parts.push(element('span', 'note', [String(cell.note)]));
  return element('td', cell.number ? 'number' : cell.name ? 'name' : '', parts);
}

function element(tag, className, children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

async function poll() {
  const trouble = document.getElementById('trouble');
  try {
    const response = await fetch('/status', { cache: 'no-store' });
    if (!response.ok) throw new Error('it answers ' + response.status);
    show(viewOf(await response.json()));
    trouble.hidden = true;
  } catch (error) {
    trouble.textContent = 'The control plane cannot be asked (' + error.message + '); what is shown may be old.';
    trouble.hidden = false;
  }
  setTimeout(poll, POLL_MILLISECONDS);
}

poll();
`;
