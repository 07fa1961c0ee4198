/** `malha standby` */
import { Command } from 'commander';
import pino from 'pino';
import { IDENTITY_DIRECTORY } from '../../../lib/injector';
import { startStandby } from '../../control-plane/standby';
import { loadPlugins } from '../../plugins';
import type { Context } from '../io';
import { logLevelOption } from '../log-level';
import { pluginOption } from '../plugin-option';

interface Options {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly rootNamespace?: string;
  readonly revision?: string;
  readonly xdsTls: string;
  readonly http: string;
  readonly identityDirectory: string;
  readonly plugin?: string[];
  readonly logLevel: string;
}

export function standby({ io }: Context): Command {
  return new Command('standby')
    .option('--kubeconfig <file>', 'how to reach the API server; default: as a Pod of it, else as kubectl does')
    .option('--context <name>', 'a context of the kubeconfig; default: its current one')
    .option('--root-namespace <name>', 'where ConfigMap istio is; default: the Pod’s own, else malha-system')
    .option('--revision <name>', 'which control plane it stands by for; default: default')
    .option('--xds-tls <host:port>', 'where proxies connect by TLS and prove who they are', '0.0.0.0:15012')
    .option('--identity-directory <folder>', 'where its podCertificate volume is', IDENTITY_DIRECTORY)
    .option('--http <host:port>', 'health and metrics; port 0 takes any', '127.0.0.1:15014')
    .addOption(pluginOption('a package that the control plane loads too; may be given again'))
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      `
The read-only second source of configuration: a proxy that starts while no control plane answers asks here. It reads the API server as
the control plane does, keeps what it has read while that is away, and serves what follows by ADS. It signs nothing, writes nothing and
leads nothing, and sends proxies back when a control plane is ready.

Examples:
  $ malha standby --context staging --identity-directory ./identity

Exit codes: 0 stopped by SIGINT or SIGTERM, 2 it could not start.
`,
    )
    .action(async (options: Options) => {
      const interrupted = io.untilInterrupted();
      const log = pino({ level: options.logLevel, base: undefined }, { write: (line) => void io.stdout.write(line) });
      const stopping = new AbortController();
      void interrupted.then(() => stopping.abort());
      const { kubeconfig, context, rootNamespace, revision, xdsTls, http, identityDirectory } = options;
      try {
        const running = await startStandby({
          registry: { kind: 'kubernetes', kubeconfig, context, rootNamespace, revision },
          xdsTls,
          http,
          identity: identityDirectory,
          plugins: loadPlugins(options.plugin ?? []),
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
