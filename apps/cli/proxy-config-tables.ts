/** What a proxy has, at a glance: one table for each kind of resource. */
import type { envoy } from '../../lib/envoy/generated/envoy';
import type { ConfiguredProxy } from '../control-plane/proxy-configuration';
import type { ProxyConfig } from './commands/proxy-config';
import type { Context } from './io';
import { table } from './table';

export function proxyConfigTables(context: Context, config: ProxyConfig): string {
  const tables = [
    table(context, ['LISTENER', 'ADDRESS', 'CHAINS'], config.listeners.map(listenerRow)),
    table(context, ['ROUTES', 'VIRTUAL HOST', 'DOMAINS'], config.routes.flatMap(routeRows)),
    table(context, ['CLUSTER', 'TYPE', 'CONNECT TIMEOUT'], config.clusters.map(clusterRow)),
    table(context, ['ENDPOINTS OF', 'ADDRESS', 'WEIGHT'], config.endpoints.flatMap(endpointRows)),
  ];
  return tables.filter(Boolean).join('\n');
}

/** The same of a proxy that runs, below how far it is, and with the certificates of its secrets. */
export function configuredProxyTables(context: Context, { proxy, configuration }: ConfiguredProxy): string {
  const { node, replica, connectedAt, credential, types } = proxy;
  const facts = [
    ['PROXY', node.id],
    ['ENVOY', node.version ?? 'unknown'],
    ['CONNECTED', `to ${replica} since ${connectedAt}`],
    ...(credential
      ? [['IDENTITY', `${credential.identity}, by a ${credential.kind} until ${credential.expiresAt}`]]
      : []),
  ];
  const rejections = Object.entries(types).flatMap(([type, { rejected }]) =>
    rejected.map(({ name, error }) => `${context.colors.red('rejected')} ${type} ${name}: ${error}\n`),
  );
  const states = Object.entries(types).map(([type, { state, resources, version }]) => [
    type,
    state.toUpperCase(),
    String(resources),
    version,
  ]);
  const secrets = configuration.secrets.flatMap(({ name, certificates }) =>
    certificates.length > 0
      ? certificates.map((each) => [name, each.names, each.serialNumber, each.notBefore, each.notAfter])
      : [[name, '(none)', '', '', '']],
  );
  const tables = [
    `${facts.map(([title, fact]) => `${context.colors.bold(title!.padEnd(9))}  ${fact}\n`).join('')}`,
    table(context, ['TYPE', 'STATE', 'RESOURCES', 'VERSION'], states) + rejections.join(''),
    proxyConfigTables(context, configuration as unknown as ProxyConfig),
    table(context, ['SECRET', 'CERTIFICATE', 'SERIAL NUMBER', 'NOT BEFORE', 'NOT AFTER'], secrets),
  ];
  return tables.filter(Boolean).join('\n');
}

function listenerRow({
  name = '',
  address,
  filter_chains = [],
  default_filter_chain,
}: ProxyConfig['listeners'][0]): string[] {
  return [name, addressOf(address), String(filter_chains.length + (default_filter_chain ? 1 : 0))];
}

function routeRows({ name = '', virtual_hosts = [] }: ProxyConfig['routes'][0]): string[][] {
  return virtual_hosts.map((host) => [name, host.name ?? '', shortened(host.domains ?? [])]);
}

function clusterRow({ name = '', type, connect_timeout }: ProxyConfig['clusters'][0]): string[] {
  return [name, type ?? 'STATIC', connect_timeout ?? ''];
}

function endpointRows({ cluster_name = '', endpoints = [] }: ProxyConfig['endpoints'][0]): string[][] {
  const rows = endpoints.flatMap(({ lb_endpoints = [] }) =>
    lb_endpoints.map(({ endpoint, load_balancing_weight }) => [
      cluster_name,
      addressOf(endpoint?.address),
      String(load_balancing_weight ?? 1),
    ]),
  );
  return rows.length > 0 ? rows : [[cluster_name, '(none)', '']];
}

function addressOf(address?: envoy.config.core.v3.Address): string {
  const socket = address?.socket_address;
  return socket ? `${socket.address}:${socket.port_value}` : (address?.pipe?.path ?? '');
}

/** The first domain is the complete name; the others are shorter ways to say it. */
function shortened([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
