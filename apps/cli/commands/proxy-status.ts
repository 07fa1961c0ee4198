/** `malha proxy-status` */
import { Command } from 'commander';
import type { ReplicaState } from '../../../lib/controllers/replica-answers';
import type { Finding } from '../../../lib/galley';
import type { TypeStatus } from '../../../lib/xds/status';
import { ControlPlaneClient, type ControlPlaneOptions, withControlPlane } from '../control-plane-client';
import { type Context, ExitCode } from '../io';
import { json, outputOption } from '../output-format';
import { silentLine, silentOf } from '../silent-replicas';
import { table } from '../table';

/** What this command reads of the control plane's `/status`. */
interface Status {
  configuration?: { state: string };
  findings?: readonly Finding[];
  proxies: {
    node: { id: string; version?: string };
    replica?: string;
    revision?: string;
    types: Record<string, TypeStatus>;
  }[];
  replicas?: readonly Replica[];
}

interface Replica extends ReplicaState {
  revision?: string;
  configuration?: { state: string };
}

const TYPES = ['listeners', 'routes', 'clusters', 'endpoints', 'secrets'];

export function proxyStatus(context: Context): Command {
  return withControlPlane(new Command('proxy-status'))
    .option('--revision <name>', 'only the proxies of this revision of the control plane; default: of all')
    .addOption(outputOption('table', 'json'))
    .addHelpText(
      'after',
      `
One line a proxy: for each type of resource how many it has, or what keeps it from having them. NACKED means that the
proxy rejected something and kept what it had; why is told below the table.

The replica that is asked asks all the others, of every revision, so the proxies are those of the whole mesh, each with the
replica that serves it, and with its revision where there are several. One that does not answer is named: its proxies are missing.

Examples:
  $ malha proxy-status
  $ kubectl -n malha-system port-forward deploy/malha-control-plane 15014 & malha proxy-status
  $ malha proxy-status --http http://198.18.0.2:15014 -o json | jq '.proxies[].node.id'

Exit codes: 0 every proxy took what it was sent, 1 some did not, or a replica could not be asked, 2 the control plane does
not answer.
`,
    )
    .action(async ({ output, revision, ...options }: ControlPlaneOptions & { output: string; revision?: string }) => {
      const client = await ControlPlaneClient.open(options);
      const all = await client.json<Status>('/status', (value) => Array.isArray(value?.proxies));
      const status = withRevisions(all, revision);
      const rejections = status.proxies.flatMap(({ node, types }) =>
        [...TYPES, 'extensions'].flatMap((type) =>
          (types[type]?.rejected ?? []).map(({ name, error }) => `${nameOf(node.id)}: ${type} ${name}: ${error}`),
        ),
      );
      if (output === 'json') context.io.stdout.write(json(status));
      else writeTable(context, status, rejections);
      if (rejections.length > 0 || silentOf(status.replicas).length > 0) context.exit(ExitCode.wrong);
    });
}

/** Each proxy with the revision of its replica; of one revision alone, where that is wanted. */
function withRevisions(status: Status, wanted: string | undefined): Status {
  const revisions = new Map((status.replicas ?? []).map(({ name, revision }) => [name, revision]));
  const proxies = status.proxies
    .map((proxy) => ({ ...proxy, revision: revisions.get(proxy.replica ?? '') }))
    .filter(({ revision }) => wanted === undefined || revision === wanted);
  return { ...status, proxies };
}

function writeTable(context: Context, status: Status, rejections: readonly string[]): void {
  const { proxies, configuration, findings = [], replicas = [] } = status;
  const { io, colors } = context;
  const stale = replicas.filter((replica) => replica.configuration?.state === 'stale');
  if (configuration?.state === 'stale' || stale.length > 0) {
    const where = replicas.length > 1 && stale.length < replicas.length ? ` (${namesOf(stale)})` : '';
    io.stdout.write(
      `${colors.yellow('stale')}: the newest objects have errors, the last good ones are in force${where}\n`,
    );
  }
  if (proxies.length === 0) io.stdout.write('no proxy is connected\n');
  const isOfMany = replicas.length > 1;
  const areMany = new Set(replicas.map(({ revision }) => revision)).size > 1;
  const rows = proxies
    .map(({ node, types, replica = '', revision = '' }) => [
      nameOf(node.id),
      ...TYPES.map((type) => cell(context, types[type])),
      node.version ?? '',
      ...(areMany ? [revision] : []),
      ...(isOfMany ? [replica] : []),
    ])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : Number(a > b)));
  const head = [
    'PROXY',
    ...TYPES.map((type) => type.toUpperCase()),
    'ENVOY',
    ...(areMany ? ['REVISION'] : []),
    ...(isOfMany ? ['REPLICA'] : []),
  ];
  io.stdout.write(table(context, head, rows));
  for (const replica of silentOf(replicas))
    io.stdout.write(`${silentLine(context, replica, 'its proxies are missing here')}\n`);
  for (const line of rejections) io.stdout.write(`${colors.red('rejected')} ${line}\n`);
  for (const { resource, file, line } of findings.filter(({ code }) => code === 'MAL0040')) {
    const place = file ? ` (${file}${line ? `:${line}` : ''})` : '';
    io.stdout.write(`${colors.red('from')} ${resource}${place}\n`);
  }
}

const namesOf = (replicas: readonly Replica[]) => replicas.map(({ name }) => name).join(', ');

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
