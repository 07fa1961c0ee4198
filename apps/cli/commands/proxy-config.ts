/** `malha proxy-config [FILES…] --proxy NAME.NAMESPACE` */
import { Command } from 'commander';
import { type Dumped, dumped } from '../../../lib/envoy/config-dump';
import type { envoy } from '../../../lib/envoy/generated/envoy';
import { admit, notTranslated } from '../../../lib/galley';
import { Translator } from '../../../lib/pilot';
import { patchesOf } from '../../../lib/plugin';
import { complete, proxyNamed, World } from '../../../lib/world';
import type { ConfiguredProxy } from '../../control-plane/proxy-configuration';
import { loadPlugins } from '../../plugins';
import { ControlPlaneClient, type ControlPlaneOptions, withControlPlane } from '../control-plane-client';
import { writeFindings } from '../findings-report';
import { type Context, ExitCode } from '../io';
import { meshConfigOption, podRangeOption, readMeshConfig, readObjects, serviceRangeOption } from '../mesh-files';
import { json, outputOption } from '../output-format';
import { pluginOption } from '../plugin-option';
import { configuredProxyTables, proxyConfigTables } from '../proxy-config-tables';

interface Options extends ControlPlaneOptions {
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

export function proxyConfig(context: Context): Command {
  return withControlPlane(
    new Command('proxy-config').argument(
      '[files...]',
      'YAML files, or folders of them; - is standard input; without: a running mesh',
    ),
  )
    .requiredOption('--proxy <name.namespace>', "a Pod's name, or of files the name of the workload that makes it")
    .addOption(meshConfigOption())
    .addOption(podRangeOption())
    .addOption(serviceRangeOption())
    .addOption(pluginOption('a package that changes what is made; may be given again'))
    .addOption(outputOption('table', 'json'))
    .addHelpText(
      'after',
      `
Of files it prints what a control plane with them would send to one proxy, computed by the same translator. What the files
lack (addresses, Pods of a Deployment, EndpointSlices) is made up, always the same. JSON has the form of Envoy's
config_dump: {"listeners":[],"routes":[],"clusters":[],"endpoints":[]}, sorted by name. Findings go to standard error.

Of a running mesh it prints what the proxy has taken, whichever replica of the control plane serves it: also how far it is, what
it has rejected, by which certificate it has come, and the certificates of its secrets; of keys nothing. JSON has "scopes",
"secrets" and "proxy" beside the others.

Examples:
  $ malha proxy-config manifests --proxy reviews-v1.bookinfo
  $ malha proxy-config manifests --proxy productpage-v1.bookinfo -o json | jq '.routes[].name'
  $ malha proxy-config --proxy reviews-v1-6d8f9-x2x9p.bookinfo

Exit codes: 0 printed, 1 printed although files hold errors (the objects in error are left out) or the proxy has rejected
something, 2 no such proxy, file or control plane.
`,
    )
    .action((files: string[], options: Options) =>
      files.length > 0 ? ofFiles(context, files, options) : ofRunningMesh(context, options),
    );
}

async function ofFiles(context: Context, files: readonly string[], options: Options): Promise<void> {
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
    listeners: dumped(snapshot.listeners),
    routes: dumped(snapshot.routes),
    clusters: dumped(snapshot.clusters),
    endpoints: dumped(snapshot.endpoints),
  };
  context.io.stdout.write(options.output === 'json' ? json(config) : proxyConfigTables(context, config));
  if (all.some(({ level }) => level === 'error')) context.exit(ExitCode.wrong);
}

async function ofRunningMesh(context: Context, { proxy: name, output, ...options }: Options): Promise<void> {
  const client = await ControlPlaneClient.open(options);
  const found = await client.json<ConfiguredProxy>(
    `/config?proxy=${encodeURIComponent(name)}`,
    (value) => Array.isArray(value?.configuration?.listeners) && value.proxy?.node !== undefined,
  );
  const { proxy, configuration } = found;
  context.io.stdout.write(
    output === 'json' ? json({ ...configuration, proxy }) : configuredProxyTables(context, found),
  );
  if (Object.values(proxy.types).some(({ rejected }) => rejected.length > 0)) context.exit(ExitCode.wrong);
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
