/** The commands of `malha`. Only the one that is asked for is loaded, so that `malha --help` answers at once. */
import type { Command } from 'commander';
import type { Context } from './io';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): (context: Context) => Command;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'run the whole mesh of a folder of manifests on this machine',
    load: () => (require('./commands/up') as typeof import('./commands/up')).up,
  },
  {
    name: 'control-plane',
    summary: 'serve configuration to Envoys (ADS over gRPC)',
    load: () => (require('./commands/control-plane') as typeof import('./commands/control-plane')).controlPlane,
  },
  {
    name: 'standby',
    summary: 'serve configuration read-only while no control plane answers',
    load: () => (require('./commands/standby') as typeof import('./commands/standby')).standby,
  },
  {
    name: 'authorizer',
    summary: 'decide about requests by the checks of plugins (ext_authz over gRPC)',
    load: () => (require('./commands/authorizer') as typeof import('./commands/authorizer')).authorizer,
  },
  {
    name: 'validate',
    summary: 'judge each object alone, as admission does',
    load: () => (require('./commands/validate') as typeof import('./commands/validate')).validate,
  },
  {
    name: 'analyze',
    summary: 'judge objects together, as synthesis does',
    load: () => (require('./commands/analyze') as typeof import('./commands/analyze')).analyze,
  },
  {
    name: 'proxy-config',
    summary: 'print what the control plane sends to one proxy',
    load: () => (require('./commands/proxy-config') as typeof import('./commands/proxy-config')).proxyConfig,
  },
  {
    name: 'validate-proxy',
    summary: 'have Envoy judge what the control plane would send to proxies',
    load: () => (require('./commands/validate-proxy') as typeof import('./commands/validate-proxy')).validateProxy,
  },
  {
    name: 'explain',
    summary: 'say which rule of which policy allows or refuses a call',
    load: () => (require('./commands/explain') as typeof import('./commands/explain')).explain,
  },
  {
    name: 'proxy-status',
    summary: 'show which proxies a control plane serves, and what they accepted',
    load: () => (require('./commands/proxy-status') as typeof import('./commands/proxy-status')).proxyStatus,
  },
  {
    name: 'console',
    summary: 'show a running mesh in a browser: its graph, proxies, findings and certificates',
    load: () => (require('./commands/console') as typeof import('./commands/console')).consoleCommand,
  },
  {
    name: 'tap',
    summary: 'show the requests of a running mesh as they come',
    load: () => (require('./commands/tap') as typeof import('./commands/tap')).tap,
  },
  {
    name: 'graph',
    summary: 'draw who calls whom: as manifests declare it, or as a running mesh shows',
    load: () => (require('./commands/graph') as typeof import('./commands/graph')).graph,
  },
  {
    name: 'check',
    summary: 'look a cluster over, before a mesh is installed and after',
    load: () => (require('./commands/check') as typeof import('./commands/check')).check,
  },
  {
    name: 'tag',
    summary: 'let a name stand for a revision of the control plane',
    load: () => (require('./commands/tag') as typeof import('./commands/tag')).tag,
  },
  {
    name: 'uninstall',
    summary: 'take a mesh out of a cluster, and nothing else',
    load: () => (require('./commands/uninstall') as typeof import('./commands/uninstall')).uninstall,
  },
  {
    name: 'inject',
    summary: 'put the sidecar into workloads of a YAML stream',
    load: () => (require('./commands/inject') as typeof import('./commands/inject')).inject,
  },
  {
    name: 'init',
    summary: 'redirect the traffic of a pod through its sidecar (the init container)',
    load: () => (require('./commands/init') as typeof import('./commands/init')).init,
  },
  {
    name: 'plugin',
    summary: 'begin a plugin, or tell what an installed one is able to do',
    load: () => (require('./commands/plugin') as typeof import('./commands/plugin')).plugin,
  },
  {
    name: 'workload-entry',
    summary: 'make the WorkloadEntry of a machine from its WorkloadGroup, and what its Envoy starts with',
    load: () => (require('./commands/workload-entry') as typeof import('./commands/workload-entry')).workloadEntry,
  },
  {
    name: 'version',
    summary: 'print the versions of Malha, Envoy and Node',
    load: () => (require('./commands/version') as typeof import('./commands/version')).version,
  },
];
