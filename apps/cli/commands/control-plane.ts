/** `malha control-plane` */
import { Command, Option } from 'commander';
import pino from 'pino';
import { startControlPlane } from '../../control-plane';
import type { Context } from '../io';
import { meshConfigOption, podRangeOption, readMeshConfig, serviceRangeOption } from '../mesh-files';

interface Options {
  files: string[];
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
      new Option('--registry <kind>', 'where objects and endpoints come from').choices(['files']).default('files'),
    )
    .requiredOption('--files <path>', 'a file or folder that is watched; may be given again', collect)
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

Exit codes: 0 stopped by SIGINT or SIGTERM, 2 it could not start.
`,
    )
    .action(async (options: Options) => {
      const interrupted = io.untilInterrupted();
      const meshConfig = await readMeshConfig(options.meshConfig);
      const log = pino({ level: options.logLevel, base: undefined }, { write: (line) => void io.stdout.write(line) });
      const running = await startControlPlane({
        files: options.files,
        xds: options.xds,
        http: options.http,
        meshConfig,
        ranges: { pods: options.podRange, services: options.serviceRange },
        log,
      });
      await interrupted;
      await running.stop();
    });
}

function collect(path: string, before: string[] = []): string[] {
  return [...before, path];
}
