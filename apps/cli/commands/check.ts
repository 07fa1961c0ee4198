/** `malha check` */
import { Command } from 'commander';
import { type CheckResult, type CheckState, checkCluster } from '../../../lib/cluster';
import { type ClientOptions, KubeClient } from '../../../lib/discovery/kubernetes';
import { type Context, ExitCode } from '../io';
import { json, outputOption } from '../output-format';

const DEFAULT_NAMESPACE = 'malha-system';

interface Options extends ClientOptions {
  readonly namespace: string;
  readonly revision?: string;
  readonly output: string;
}

export function check(context: Context): Command {
  return new Command('check')
    .option('-n, --namespace <name>', 'where the control plane is, or will be', DEFAULT_NAMESPACE)
    .option('--revision <name>', 'only this one of the control planes; default: all')
    .option('--kubeconfig <file>', 'how to reach the API server; default: as a Pod of it, else as kubectl does')
    .option('--context <name>', 'a context of the kubeconfig; default: its current one')
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
Looks a cluster over, before a mesh is installed and after: one line a check, and below each that is not ok what to do.
It only reads.

Examples:
  $ malha check
  $ malha check --context staging
  $ malha check -o json | jq -r '.checks[] | select(.state == "failed") | .fix'

Exit codes: 0 nothing failed (warnings may be there), 1 something failed, 2 the API server cannot be asked.
`,
    )
    .action(async ({ namespace, revision, output, ...client }: Options) => {
      const options = {
        namespace,
        revision,
        now: () => new Date(),
      };
      const api = await KubeClient.load(client);
      try {
        const checks = await checkCluster(api, options);
        context.io.stdout.write(output === 'json' ? json({ checks }) : linesOf(context, checks));
        if (checks.some(({ state }) => state === 'failed')) context.exit(ExitCode.wrong);
      } finally {
        api.close();
      }
    });
}

const WORDS: Record<CheckState, string> = { ok: 'ok', warning: 'warning', failed: 'failed', absent: '-' };

function linesOf({ colors }: Context, checks: readonly CheckResult[]): string {
  const paint = { ok: colors.green, warning: colors.yellow, failed: colors.red, absent: (text: string) => text };
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks
    .map(({ name, state, message, fix }) => {
      const line = `${paint[state](WORDS[state].padEnd(7))}  ${name.padEnd(width)}  ${message}\n`;
      return fix ? `${line}         ${' '.repeat(width)}  fix: ${fix}\n` : line;
    })
    .join('');
}
