/** `malha authorizer` */
import { Command, InvalidArgumentError } from 'commander';
import pino from 'pino';
import { startAuthorizer } from '../../authorizer';
import { loadPlugins } from '../../plugins';
import type { Context } from '../io';
import { logLevelOption } from '../log-level';
import { pluginOption } from '../plugin-option';

interface Options {
  plugin?: string[];
  grpc: string;
  http: string;
  timeout: number;
  logLevel: string;
}

export function authorizer({ io }: Context): Command {
  return new Command('authorizer')
    .addOption(pluginOption('a package whose checks decide; may be given again'))
    .option('--grpc <host:port>', 'where proxies ask (envoy.service.auth.v3), in plaintext', '127.0.0.1:9191')
    .option('--http <host:port>', 'health and metrics; port 0 takes any', '127.0.0.1:9192')
    .option('--timeout <milliseconds>', 'for all checks of one request together', milliseconds, 250)
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      `
Decides about requests for AuthorizationPolicies with action CUSTOM. The plugins are asked in the order in which they are given; the
first that refuses decides. A check that throws or takes too long has refused. On the HTTP address: /healthz, /readyz, /metrics.

Examples:
  $ malha authorizer --plugin @shop/tenants --grpc 0.0.0.0:9191
  $ malha authorizer --plugin ./my-plugin --plugin @shop/tenants

Exit codes: 0 stopped by SIGINT or SIGTERM, 2 it could not start.
`,
    )
    .action(async ({ plugin, grpc, http, timeout, logLevel }: Options) => {
      if (!plugin) throw new Error('--plugin is missing; name a package whose checks decide');
      const interrupted = io.untilInterrupted();
      const log = pino({ level: logLevel, base: undefined }, { write: (line) => void io.stdout.write(line) });
      const running = await startAuthorizer({
        plugins: loadPlugins(plugin),
        grpc,
        http,
        milliseconds: timeout,
        log,
      });
      await interrupted;
      await running.stop();
    });
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 60_000) return value;
  throw new InvalidArgumentError('a whole number from 1 to 60000 is wanted.');
}
