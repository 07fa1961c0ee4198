/** `malha uninstall` */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { type KubeObject, objectName } from '../../../lib/api/object';
import { planUninstall, uninstall as removeAll, type Uninstallation } from '../../../lib/cluster';
import { type ClientOptions, KubeClient } from '../../../lib/discovery/kubernetes';
import { type Context, ExitCode } from '../io';
import { json, outputOption } from '../output-format';

const DEFAULT_NAMESPACE = 'malha-system';

interface Options extends ClientOptions {
  readonly namespace: string;
  readonly crds?: boolean;
  readonly revision?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly timeout: number;
  readonly output: string;
}

export function uninstall(context: Context): Command {
  return new Command('uninstall')
    .option('-n, --namespace <name>', 'where the control plane is', DEFAULT_NAMESPACE)
    .option('--crds', 'remove the definitions of the mesh’s kinds too, and with them every object of these kinds')
    .option('--revision <name>', 'only this one of the control planes, with its tags; default: all of the mesh')
    .option('--force', 'with --revision: also while namespaces or proxies ask for it')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'say what would go, and remove nothing')
    .option('--timeout <seconds>', 'how long to wait until all is gone', seconds, 120)
    .option('--kubeconfig <file>', 'how to reach the API server; default: as a Pod of it, else as kubectl does')
    .option('--context <name>', 'a context of the kubeconfig; default: its current one')
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
Removes what Malha has made in a cluster, found by the label malha.dev/mesh: the control plane and what looks at the mesh, its
webhooks, rights and policies, its authority, Lease and roots, and the proxies of Gateways that deploy themselves. Workloads and
namespaces of members stay, as do the objects that others wrote, and the definitions of the kinds without --crds. With it
every object that would go is listed, and nothing is removed while another controller lives by one of them. The Gateway API stays.

With --revision one control plane goes, after others have taken over from it: what they share stays. It is refused while namespaces
ask for that revision, or proxies have it.

Take the sidecars out before the last one goes: remove the label istio-injection (or istio.io/rev) from the namespaces, apply workloads that were
written with a sidecar without it, and restart the others.

Examples:
  $ malha uninstall --dry-run
  $ malha uninstall --context staging
  $ malha uninstall --revision v1
  $ malha uninstall --crds --yes -o json

Exit codes: 0 all is gone (or would go), 1 something stays that should go, 2 the command could not do its work.
`,
    )
    .action(async ({ namespace, crds, revision, force, yes, dryRun, timeout, output, ...client }: Options) => {
      const { io } = context;
      const isText = output !== 'json';
      if (crds && revision !== undefined) throw new Error('--crds is for the whole mesh: leave --revision out');
      const api = await KubeClient.load(client);
      try {
        const plan = await planUninstall(api, { namespace, definitions: crds, revision, force });
        if (isText) io.stdout.write(planText(context, plan, namespace, revision));
        let left: readonly KubeObject[] = [];
        const isBlocked = plan.obstacles.length > 0;
        const count = plan.objects.length;
        const isWork = !dryRun && !isBlocked && count > 0;
        const goesOn = isWork && (yes || (await isWanted(context, count + plan.withDefinitions.length)));
        if (goesOn) {
          let gone = 0;
          left = await removeAll(api, plan, {
            timeoutMs: timeout * 1000,
            pause: (milliseconds) => sleep(milliseconds),
            onGone(object) {
              gone++;
              if (isText) io.stdout.write(`${context.colors.green('removed')}  ${objectName(object)}\n`);
              else io.stderr.write(`removed ${gone} of ${count}\n`);
            },
          });
        }
        if (!isText) io.stdout.write(json(report(plan, goesOn, left)));
        for (const object of left) io.stderr.write(`malha: ${objectName(object)} is still there: ${why(object)}\n`);
        if (isBlocked || left.length > 0 || (isWork && !goesOn)) context.exit(ExitCode.wrong);
      } finally {
        api.close();
      }
    });
}

async function isWanted({ io }: Context, count: number): Promise<boolean> {
  if (!io.ask) throw new Error('nobody can be asked here whether that is wanted: add --yes, or --dry-run');
  return /^y(es)?$/i.test((await io.ask(`Remove these ${count} objects? [y/N] `)).trim());
}

function planText({ colors }: Context, plan: Uninstallation, namespace: string, revision?: string): string {
  const { objects, withDefinitions, kept, obstacles, sidecars, silent } = plan;
  const lines = [
    ...(objects.length === 0
      ? [
          `nothing of ${revision === undefined ? 'a mesh' : `revision ${revision} of the mesh`} of namespace ${namespace} is there`,
        ]
      : []),
    ...objects.map(({ object }) => `goes     ${objectName(object)}`),
    ...withDefinitions.map((object) => `goes     ${objectName(object)}, with its definition`),
    ...kept.map(({ object, reason }) => `stays    ${objectName(object)}: ${reason}`),
    ...silent.map((group) => `${colors.yellow('unknown')}  what ${group} has: its server does not answer`),
    ...obstacles.map((reason) => `${colors.red('refused')}  ${reason}`),
  ];
  if (obstacles.length > 0) {
    const fix =
      revision === undefined
        ? 'leave --crds out, or take that away first'
        : 'let them ask for another revision (malha tag set, kubectl label), restart the Pods, or add --force';
    lines.push(`         fix: ${fix}`);
  }
  if (sidecars.size > 0) {
    const places = [...sidecars].map(([place, pods]) => `${place} ${pods}`).join(', ');
    lines.push(
      `${colors.yellow('warning')}  Pods keep a sidecar of this mesh, with its last configuration and until its certificate ends: ${places}`,
      '         fix: take the sidecars out and restart these Pods (malha uninstall --help)',
    );
  }
  return `${lines.join('\n')}\n`;
}

function report(plan: Uninstallation, isRemoved: boolean, left: readonly KubeObject[]) {
  const named = ({ apiVersion, kind, metadata: { namespace, name } }: KubeObject) => ({
    apiVersion,
    kind,
    namespace,
    name,
  });
  const uids = new Set(left.map(({ metadata }) => metadata.uid));
  return {
    objects: plan.objects.map(({ object }) => ({
      ...named(object),
      outcome: !isRemoved ? 'planned' : uids.has(object.metadata.uid) ? 'left' : 'removed',
    })),
    withDefinitions: plan.withDefinitions.map(named),
    kept: plan.kept.map(({ object, reason }) => ({ ...named(object), reason })),
    obstacles: plan.obstacles,
    sidecars: Object.fromEntries(plan.sidecars),
    unknown: plan.silent,
  };
}

function why({ kind, metadata }: KubeObject): string {
  const { finalizers = [] } = metadata as KubeObject['metadata'] & { finalizers?: readonly string[] };
  if (finalizers.length > 0) return `it waits for ${finalizers.join(', ')}`;
  return kind === 'Namespace' ? 'see its status: kubectl get namespace -o yaml' : 'run the command again';
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 3_600) {
    throw new InvalidArgumentError('whole seconds are wanted, 0 to 3600');
  }
  return value;
}
