/** `malha proxy-config FILES… --proxy NAME.NAMESPACE` */
import { Command } from 'commander';
import type { envoy } from '../../../lib/envoy/generated/envoy';
import { decode, encode } from '../../../lib/envoy/message';
import type { EnvoyResource } from '../../../lib/envoy/resource';
import { admit, type Finding } from '../../../lib/galley';
import { type TranslationFailure, Translator } from '../../../lib/pilot';
import { patchesOf } from '../../../lib/plugin';
import { complete, proxyNamed, World } from '../../../lib/world';
import { loadPlugins } from '../../plugins';
import { writeFindings } from '../findings-report';
import { type Context, ExitCode } from '../io';
import { meshConfigOption, podRangeOption, readMeshConfig, readObjects, serviceRangeOption } from '../mesh-files';
import { json, outputOption } from '../output-format';
import { pluginOption } from '../plugin-option';
import { proxyConfigTables } from '../proxy-config-tables';

interface Options {
  proxy: string;
  output: string;
  meshConfig?: string;
  podRange: string;
  serviceRange: string;
  plugin?: string[];
}

/** The resources of one proxy in the form of Envoy's config_dump. */
export interface ProxyConfig {
  listeners: Dumped<envoy.config.listener.v3.Listener>[];
  routes: Dumped<envoy.config.route.v3.RouteConfiguration>[];
  clusters: Dumped<envoy.config.cluster.v3.Cluster>[];
  endpoints: Dumped<envoy.config.endpoint.v3.ClusterLoadAssignment>[];
}

/** A message in protobuf's canonical JSON with original field names, after its type. */
type Dumped<Message> = { '@type': string } & Message;

export function proxyConfig(context: Context): Command {
  return new Command('proxy-config')
    .argument('<files...>', 'YAML files, or folders of them; - is standard input')
    .requiredOption('--proxy <name.namespace>', "a Pod's name, or the name of the workload that makes it")
    .addOption(meshConfigOption())
    .addOption(podRangeOption())
    .addOption(serviceRangeOption())
    .addOption(pluginOption('a package that changes what is made; may be given again'))
    .addOption(outputOption('table', 'json'))
    .addHelpText(
      'after',
      `
Prints what a control plane with these files would send to one proxy, computed by the same translator. What the files
lack (addresses, Pods of a Deployment, EndpointSlices) is made up, always the same. JSON has the form of Envoy's
config_dump: {"listeners":[],"routes":[],"clusters":[],"endpoints":[]}, sorted by name. Findings go to standard error.

Examples:
  $ malha proxy-config manifests --proxy reviews-v1.bookinfo
  $ malha proxy-config manifests --proxy productpage-v1.bookinfo -o json | jq '.routes[].name'

Exit codes: 0 printed, 1 printed although files hold errors (the objects in error are left out), 2 no such proxy or file.
`,
    )
    .action(async (files: string[], options: Options) => {
      const meshConfig = await readMeshConfig(options.meshConfig);
      const read = await readObjects(context.io, files, { definitions: false });
      const { admitted, findings } = admit([], read.objects);
      const objects = complete(admitted, { pods: options.podRange, services: options.serviceRange });
      const world = World.of(objects, { meshConfig });
      const translator = new Translator(patchesOf(loadPlugins(options.plugin ?? [])));
      const proxy = proxyNamed(world, options.proxy);
      const snapshot = proxy && translator.snapshot(world, proxy);

      const all = [...read.findings, ...findings, ...translator.failures.map(notTranslated)];
      writeFindings(context, all, context.io.stderr);
      if (!snapshot) throw new Error(unknownProxy(options.proxy, objects));
      const config: ProxyConfig = {
        listeners: dump(snapshot.listeners),
        routes: dump(snapshot.routes),
        clusters: dump(snapshot.clusters),
        endpoints: dump(snapshot.endpoints),
      };
      context.io.stdout.write(options.output === 'json' ? json(config) : proxyConfigTables(context, config));
      if (all.some(({ level }) => level === 'error')) context.exit(ExitCode.wrong);
    });
}

/** Through the encoder and back: what is printed is what the bytes on the wire say. */
function dump<Message>(resources: readonly EnvoyResource[]): Dumped<Message>[] {
  return [...resources]
    .sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))
    .map(({ typeUrl, message }) => {
      const name = typeUrl.slice(typeUrl.indexOf('/') + 1);
      return { '@type': typeUrl, ...(decode(name, encode(name, message)) as Message) };
    });
}

function notTranslated({ name, error }: TranslationFailure): Finding {
  return { code: 'MAL0016', level: 'error', analyzer: 'translation', resource: name, message: error.message };
}

function unknownProxy(
  name: string,
  objects: readonly { kind: string; metadata: { name: string; namespace?: string } }[],
): string {
  const names = objects
    .filter(({ kind }) => kind === 'Pod')
    .map(({ metadata }) => `${metadata.name}.${metadata.namespace ?? 'default'}`)
    .sort();
  return names.length === 0
    ? `no proxy ${name}: the files hold no Pod and no workload that makes one`
    : `no proxy ${name}: want NAME.NAMESPACE, one of ${names.join(', ')}`;
}
