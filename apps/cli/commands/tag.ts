/** `malha tag set|list|remove` */
import { Command } from 'commander';
import { DEFAULT_REVISION } from '../../../lib/api/revisions';
import { removeTag, revisionsOf, setTag, tagObstacle } from '../../../lib/cluster';
import { type ClientOptions, KubeClient } from '../../../lib/discovery/kubernetes';
import { type Context, ExitCode } from '../io';
import { json, outputOption } from '../output-format';
import { table } from '../table';

interface Options extends ClientOptions {
  readonly namespace: string;
}

export function tag(context: Context): Command {
  const { io } = context;
  const command = new Command('tag').addHelpText(
    'after',
    `
A tag is a name that stands for a revision of the control plane: namespaces and Pods that are labelled istio.io/rev=TAG get their
sidecar from that revision, and objects of the mesh so labelled are for it. When the tag moves, Pods go over as they are restarted.
The tag default stands for whom istio-injection=enabled asks for; who judges objects that name no revision; and who leads the mesh.

Examples:
  $ malha tag set prod --revision v1
  $ malha tag set prod --revision v2 --overwrite
  $ malha tag list
  $ malha tag remove prod

Exit codes: 0 done, 1 it is not done and was told why, 2 the API server cannot be asked.
`,
  );
  const sub = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .option('-n, --namespace <name>', 'where the control planes are', 'malha-system')
      .option('--kubeconfig <file>', 'how to reach the API server; default: as a Pod of it, else as kubectl does')
      .option('--context <name>', 'a context of the kubeconfig; default: its current one');
  const refuse = (why: string) => {
    io.stderr.write(`malha: ${why}\n`);
    context.exit(ExitCode.wrong);
  };

  sub('set', 'let a tag stand for a revision')
    .argument('<tag>', 'its name')
    .requiredOption('--revision <name>', 'for which revision')
    .option('--overwrite', 'move it, where it stands for another one')
    .action(async (name: string, options: Options & { revision: string; overwrite?: boolean }) =>
      withClient(options, async (api) => {
        const { namespace, revision, overwrite } = options;
        const found = await revisionsOf(api, namespace);
        const wish = { namespace, tag: name, revision, overwrite };
        const obstacle = tagObstacle(found, wish);
        if (obstacle !== undefined) return refuse(obstacle);
        await setTag(api, wish);
        io.stdout.write(`tag ${name} stands for ${revision}\n`);
        const members = found.namespaces.get(name) ?? [];
        if (members.length > 0) io.stdout.write(`Pods that are created from now on in ${members.join(', ')} get it\n`);
      }),
    );

  sub('list', 'show revisions, tags and who asks for them')
    .addOption(outputOption('table', 'json'))
    .action(async (options: Options & { output: string }) =>
      withClient(options, async (api) => {
        const { revisions, tags, namespaces } = await revisionsOf(api, options.namespace);
        const members = (asked: string) => namespaces.get(asked) ?? [];
        const all = [
          ...tags.map((each) => ({ ...each, namespaces: members(each.tag) })),
          ...revisions.map((revision) => ({ tag: undefined, revision, namespaces: members(revision) })),
        ];
        if (options.output === 'json') return io.stdout.write(json(all));
        const rows = all.map((each) => [each.tag ?? '-', each.revision, each.namespaces.join(',') || '-']);
        return io.stdout.write(table(context, ['TAG', 'REVISION', 'NAMESPACES'], rows));
      }),
    );

  sub('remove', 'take a tag away')
    .argument('<tag>', 'its name')
    .option('--force', 'also where namespaces ask for it')
    .action(async (name: string, options: Options & { force?: boolean }) =>
      withClient(options, async (api) => {
        const { tags, namespaces } = await revisionsOf(api, options.namespace);
        if (!tags.some((each) => each.tag === name)) return refuse(`there is no tag ${name}`);
        const members = namespaces.get(name) ?? [];
        if (members.length > 0 && !options.force) {
          const label = name === DEFAULT_REVISION ? 'istio-injection' : 'istio.io/rev';
          return refuse(
            `${members.join(', ')} ask for ${name}, and nobody would inject their Pods: change the label ${label}, or add --force`,
          );
        }
        for (const removed of await removeTag(api, { namespace: options.namespace, tag: name })) {
          io.stdout.write(`removed ${removed}\n`);
        }
      }),
    );
  return command;
}

async function withClient(options: ClientOptions, work: (api: KubeClient) => Promise<unknown>): Promise<void> {
  const { kubeconfig, context } = options;
  const api = await KubeClient.load({ kubeconfig, context });
  try {
    await work(api);
  } finally {
    api.close();
  }
}
