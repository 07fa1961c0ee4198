/** `malha proxy-status` */
import { Command } from 'commander';
import type { Finding } from '../../../lib/galley';
import type { TypeStatus } from '../../../lib/xds/status';
import { ControlPlaneClient, type ControlPlaneOptions, withControlPlane } from '../control-plane-client';
import { type Context, ExitCode } from '../io';
import { json, outputOption } from '../output-format';
import { table } from '../table';

/** What this command reads of the control plane's `/status`. */
interface Status {
  configuration?: { state: string };
  findings?: readonly Finding[];
  proxies: { node: { id: string; version?: string }; types: Record<string, TypeStatus> }[];
}

const TYPES = ['listeners', 'routes', 'clusters', 'endpoints', 'secrets'];

export function proxyStatus(context: Context): Command {
  return withControlPlane(new Command('proxy-status'))
    .addOption(outputOption('table', 'json'))
    .addHelpText(
      'after',
      `
One line a proxy: for each type of resource how many it has, or what keeps it from having them. NACKED means that the
proxy rejected something and kept what it had; why is told below the table.

Examples:
  $ malha proxy-status
  $ kubectl -n malha-system port-forward deploy/malha-control-plane 15014 & malha proxy-status
  $ malha proxy-status --http http://198.18.0.2:15014 -o json | jq '.proxies[].node.id'

Exit codes: 0 every proxy took what it was sent, 1 some did not, 2 the control plane does not answer.
`,
    )
    .action(async ({ output, ...options }: ControlPlaneOptions & { output: string }) => {
      const client = await ControlPlaneClient.open(options);
      const status = await client.json<Status>('/status', (value) => Array.isArray(value?.proxies));
      const rejections = status.proxies.flatMap(({ node, types }) =>
        TYPES.flatMap((type) =>
          (types[type]?.rejected ?? []).map(({ name, error }) => `${nameOf(node.id)}: ${type} ${name}: ${error}`),
        ),
      );
      if (output === 'json') context.io.stdout.write(json(status));
      else writeTable(context, status, rejections);
      if (rejections.length > 0) context.exit(ExitCode.wrong);
    });
}

function writeTable(
  context: Context,
  { proxies, configuration, findings = [] }: Status,
  rejections: readonly string[],
): void {
  const { io, colors } = context;
  if (configuration?.state === 'stale') {
    io.stdout.write(`${colors.yellow('stale')}: the newest objects have errors, the last good ones are in force\n`);
  }
  if (proxies.length === 0) {
    io.stdout.write('no proxy is connected\n');
    return;
  }
  const rows = proxies
    .map(({ node, types }) => [nameOf(node.id), ...TYPES.map((type) => cell(context, types[type])), node.version ?? ''])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : Number(a > b)));
  io.stdout.write(table(context, ['PROXY', ...TYPES.map((type) => type.toUpperCase()), 'ENVOY'], rows));
  for (const line of rejections) io.stdout.write(`${colors.red('rejected')} ${line}\n`);
  for (const { resource, file, line } of findings.filter(({ code }) => code === 'MAL0040')) {
    const place = file ? ` (${file}${line ? `:${line}` : ''})` : '';
    io.stdout.write(`${colors.red('from')} ${resource}${place}\n`);
  }
}

function cell({ colors }: Context, status: TypeStatus | undefined): string {
  switch (status?.state) {
    case 'synced':
      return colors.green(String(status.resources));
    case 'nacked':
      return colors.red('NACKED');
    case 'pending':
      return colors.yellow('PENDING');
    case 'unknown':
      return colors.yellow('UNKNOWN');
    default:
      return '-';
  }
}

/** `sidecar~198.18.1.2~reviews-v1.shop~shop.svc.cluster.local` is shown as `reviews-v1.shop`. */
function nameOf(id: string): string {
  return id.split('~')[2] ?? id;
}
