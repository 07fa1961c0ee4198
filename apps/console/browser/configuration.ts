/** A proxy by itself: who serves it, how far it is, what it has rejected, and the configuration as it has it. */
import { html } from './element';
import { minute } from './format';
import type { Configured, Proxy } from './model';

export function configurationOf({ proxy, configuration }: Configured): HTMLElement[] {
  return [
    html('p', { class: 'mono' }, proxy.node.id),
    html('p', {}, factsOf(proxy).join(' · ')),
    ...Object.entries(proxy.types).flatMap(([type, { rejected = [] }]) =>
      rejected.map(({ name, error }) => html('p', { class: 'bad' }, `rejected ${type} ${name}: ${error}`)),
    ),
    ...Object.entries(configuration).flatMap(([type, resources]) => [
      html('h3', {}, `${type} (${resources.length})${stateOf(proxy, type)}`),
      ...resources.map((resource) =>
        html(
          'details',
          {},
          html('summary', {}, resource.name ?? resource.cluster_name ?? ''),
          html('pre', { tabindex: 0 }, JSON.stringify(resource, null, 2)),
        ),
      ),
    ]),
  ];
}

function factsOf({ node, replica, connectedAt, credential }: Proxy): string[] {
  return [
    node.version ? `Envoy ${node.version}` : '',
    replica ? `served by ${replica}` : '',
    connectedAt ? `connected since ${minute(connectedAt)} UTC` : '',
    credential ? `${credential.identity}, by a ${credential.kind} until ${minute(credential.expiresAt)} UTC` : '',
  ].filter(Boolean);
}

function stateOf({ types }: Proxy, type: string): string {
  const state = types[type]?.state;
  return state === undefined || state === 'synced' ? '' : ` — ${state}`;
}
