/** `malha workload-entry FILES… --group NAME.NAMESPACE --address IP` */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';
import { type WorkloadEntry, WorkloadGroup } from '../../../lib/api';
import { isOfKind } from '../../../lib/api/kinds';
import { controlPlaneHost } from '../../../lib/api/revisions';
import { admit } from '../../../lib/galley';
import { bootstrap, IDENTITY_DIRECTORY, type ProxyIdentity, secretFiles } from '../../../lib/injector';
import { isIpAddress, workloadEntryOf } from '../../../lib/world';
import { writeFindings } from '../findings-report';
import type { Context } from '../io';
import { readObjects } from '../mesh-files';

interface Options {
  group: string;
  address: string;
  name?: string;
  output: 'yaml' | 'bootstrap';
  identity: ProxyIdentity;
  systemNamespace: string;
  revision?: string;
  controlPlane?: string;
  secrets?: string;
}

export function workloadEntry(context: Context): Command {
  return new Command('workload-entry')
    .argument('<files...>', 'YAML files, or folders of them (- is standard input), with the WorkloadGroup')
    .requiredOption('--group <name.namespace>', 'the WorkloadGroup of the machine')
    .requiredOption('--address <ip>', 'the IP address of the machine', (text) => {
      if (!isIpAddress(text) || text.includes('/')) throw new InvalidArgumentError(`'${text}' is no IP address`);
      return text;
    })
    .option('--name <name>', 'the name of the WorkloadEntry (default: that of the group and the address)')
    .addOption(
      new Option('-o, --output <what>', 'the WorkloadEntry, or what the Envoy of the machine starts with')
        .choices(['yaml', 'bootstrap'])
        .default('yaml'),
    )
    .addOption(
      new Option('--identity <kind>', 'how the machine proves who it is: by a token, or by a certificate')
        .choices(['sds', 'podCertificate'])
        .default('sds'),
    )
    .option('--system-namespace <name>', 'where the control plane is', 'malha-system')
    .option('--revision <name>', 'which control plane it is; default: default')
    .option(
      '--control-plane <host:port>',
      'address of its xDS (default: malha-control-plane[-<revision>].<system namespace>.svc.cluster.local:15012)',
    )
    .option('--secrets <folder>', 'write there what the machine brings beside its roots and its credential')
    .addHelpText(
      'after',
      `
Machines do not register by themselves: their WorkloadEntry is made here from the template of their WorkloadGroup, and
applied by whoever may. Only the machine that connects from its address, with a credential of its service account, gets the
configuration. The bootstrap is JSON for envoy -c; what it reads is in /var/run/secrets/malha.dev/identity
(docs/traffic.md). Findings go to standard error.

Examples:
  $ malha workload-entry manifests --group vms.shop --address 192.0.2.7 | kubectl apply -f -
  $ malha workload-entry manifests --group vms.shop --address 192.0.2.7 -o bootstrap --secrets identity > envoy.json

Exit codes: 0 printed, 2 no such group or file, or it has errors.
`,
    )
    .action(async (files: string[], options: Options) => {
      const read = await readObjects(context.io, files, { definitions: false });
      const { admitted, findings } = admit([], read.objects);
      const ofGroup = findings.filter(({ resource }) => resource.startsWith('WorkloadGroup '));
      writeFindings(context, [...read.findings, ...ofGroup], context.io.stderr);
      const groups = admitted.filter((object) => isOfKind(object, WorkloadGroup)) as WorkloadGroup[];
      const nameOf = ({ metadata }: WorkloadGroup) => `${metadata.name}.${metadata.namespace ?? 'default'}`;
      const group = groups.find((each) => nameOf(each) === options.group);
      if (!group) {
        const known = groups.map(nameOf).join(', ') || 'none';
        throw new Error(`there is no WorkloadGroup ${options.group} without errors; there are: ${known}`);
      }
      const entry = workloadEntryOf(group, options);
      if (options.secrets !== undefined) await writeSecrets(options.secrets, options.identity);
      context.io.stdout.write(options.output === 'yaml' ? stringify(entry) : bootstrapOf(entry, options));
    });
}

/** The descriptions by which Envoy finds roots and credential. Nothing in them is secret. */
async function writeSecrets(folder: string, identity: ProxyIdentity): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = Object.entries(secretFiles(identity, IDENTITY_DIRECTORY));
  await Promise.all(files.map(([name, text]) => writeFile(join(folder, name), text)));
}

function bootstrapOf({ metadata, spec }: WorkloadEntry, options: Options): string {
  const { identity, systemNamespace, revision, address } = options;
  const controlPlane = options.controlPlane ?? `${controlPlaneHost(systemNamespace, revision)}:15012`;
  const { name, namespace } = metadata;
  const started = bootstrap({ controlPlane, identity, capture: 'REDIRECT', podIP: address });
  const node = {
    ...started.node,
    id: `sidecar~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${spec.labels?.['app'] ?? name}.${namespace}`,
  };
  return `${JSON.stringify({ ...started, node }, undefined, 2)}\n`;
}
