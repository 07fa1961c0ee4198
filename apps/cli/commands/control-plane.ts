/** `malha control-plane` */
import { Command, Option } from 'commander';
import pino from 'pino';
import { startControlPlane } from '../../control-plane';
import type { RegistryOptions } from '../../control-plane/registry';
import type { Context } from '../io';
import { meshConfigOption, podRangeOption, readMeshConfig, serviceRangeOption } from '../mesh-files';

interface Options {
  registry: 'files' | 'kubernetes';
  files?: string[];
  kubeconfig?: string;
  context?: string;
  rootNamespace?: string;
  xds: string;
  http: string;
  meshConfig?: string;
  podRange: string;
  serviceRange: string;
  logLevel: string;
}

export function controlPlane({ io }: Context): Command {
  return new Command('control-plane')
    .addOption(
      new Option('--registry <kind>', 'where objects and endpoints come from')
        .choices(['files', 'kubernetes'])
        .default('files'),
    )
    .option('--files <path>', 'a file or folder that is watched; may be given again (registry files)', collect)
    .option('--kubeconfig <file>', 'how to reach the API server; default: as a Pod of it, else as kubectl does')
    .option('--context <name>', 'a context of the kubeconfig; default: its current one')
    .option('--root-namespace <name>', 'where ConfigMap istio is; default: the Pod’s own, else malha-system')
    .option('--xds <host:port>', 'where proxies connect; port 0 takes any', '127.0.0.1:15010')
    .option('--http <host:port>', 'health, metrics, status and the console; port 0 takes any', '127.0.0.1:15014')
    .addOption(meshConfigOption())
    .addOption(podRangeOption())
    .addOption(serviceRangeOption())
    .addOption(
      new Option('--log-level <level>', 'what is logged, as JSON on standard output')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText(
      'after',
      `
Reads objects, translates them, and serves every proxy what follows, again after each edit of a file. An object with
errors leaves its last good version in force. On the HTTP address: / (console), /healthz, /readyz, /metrics, /status,
/sd/targets (for Prometheus).

Examples:
  $ malha control-plane --files manifests
  $ malha control-plane --registry files --files manifests --xds 127.0.0.1:15010 --http 127.0.0.1:15014
  $ malha control-plane --registry kubernetes --context staging

Exit codes: 0 stopped by SIGINT or SIGTERM, 2 it could not start.
`,
    )
    .action(async (options: Options) => {
      const interrupted = io.untilInterrupted();
      const meshConfig = await readMeshConfig(options.meshConfig);
      const log = pino({ level: options.logLevel, base: undefined }, { write: (line) => void io.stdout.write(line) });
      const stopping = new AbortController();
      void interrupted.then(() => stopping.abort());
      try {
        const running = await startControlPlane({
          registry: registryOf(options),
          xds: options.xds,
          http: options.http,
          meshConfig,
          log,
          signal: stopping.signal,
        });
        await interrupted;
        await running.stop();
      } catch (error) {
        // Stopped while it waited for its registry: that is no failure.
        if (!stopping.signal.aborted || error !== stopping.signal.reason) throw error;
      }
    });
}

function registryOf(options: Options): RegistryOptions {
  const { registry, files = [], podRange, serviceRange, kubeconfig, context, rootNamespace } = options;
  if (registry === 'kubernetes') {
    if (files.length > 0) throw new Error('--files belongs to --registry files; leave one of the two out');
    return { kind: 'kubernetes', kubeconfig, context, rootNamespace };
  }
  if (files.length === 0) throw new Error('--files is missing; name a file or folder that holds the mesh’s objects');
  return { kind: 'files', files, ranges: { pods: podRange, services: serviceRange } };
}

function collect(path: string, before: string[] = []): string[] {
  return [...before, path];
}
