/** `malha validate-proxy FILES… [--proxy NAME.NAMESPACE]` */
import { Command } from 'commander';
import { type KubeObject, objectName } from '../../../lib/api/object';
import type { Snapshot } from '../../../lib/envoy/resource';
import { admit, type Finding } from '../../../lib/galley';
import { findEnvoy } from '../../../lib/local/envoy-binary';
import { complaintOfEnvoy } from '../../../lib/local/envoy-validation';
import { Translator } from '../../../lib/pilot';
import { configPath } from '../../../lib/pilot/metadata';
import { tracesOf } from '../../../lib/pilot/patch/patch-traces';
import { patchesOf } from '../../../lib/plugin';
import { complete, proxyNamed, World } from '../../../lib/world';
import { loadPlugins } from '../../plugins';
import { reportFindings } from '../findings-report';
import type { Context } from '../io';
import { meshConfigOption, podRangeOption, readMeshConfig, readObjects, serviceRangeOption } from '../mesh-files';
import { outputOption } from '../output-format';
import { pluginOption } from '../plugin-option';

interface Options {
  proxy?: string;
  envoy?: string;
  output: string;
  meshConfig?: string;
  podRange: string;
  serviceRange: string;
  plugin?: string[];
}

export function validateProxy(context: Context): Command {
  return new Command('validate-proxy')
    .argument('<files...>', 'YAML files, or folders of them')
    .option('--proxy <name.namespace>', 'this proxy alone (default: that of every Pod)')
    .option('--envoy <path>', 'the binary that judges (default: $ENVOY_BIN, `envoy` on PATH, or a fetched one)')
    .addOption(meshConfigOption())
    .addOption(podRangeOption())
    .addOption(serviceRangeOption())
    .addOption(pluginOption('a package that changes what is made; may be given again'))
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
Has Envoy itself judge (by --mode validate) what a control plane with these files would send to each proxy, with
EnvoyFilters and plugins applied. A refusal names the objects without which Envoy would take it.

Examples:
  $ malha validate-proxy manifests
  $ malha validate-proxy manifests --proxy reviews-v1.bookinfo --envoy /opt/envoy-1.39/envoy -o json

Exit codes: 0 Envoy takes all, 1 it refuses something or files hold errors, 2 no such proxy, file or Envoy.
`,
    )
    .action(async (files: string[], options: Options) => {
      const meshConfig = await readMeshConfig(options.meshConfig);
      const read = await readObjects(files, { definitions: false });
      const { admitted, findings } = admit([], read.objects);
      const objects = complete(admitted, { pods: options.podRange, services: options.serviceRange });
      const names = options.proxy ? [options.proxy] : podNames(objects);
      const env = options.envoy ? { ...process.env, ENVOY_BIN: options.envoy } : process.env;
      const { path, version } = await findEnvoy({ env });
      const patches = patchesOf(loadPlugins(options.plugin ?? []));
      const failures: Finding[] = [];
      const translate = (from: readonly KubeObject[], name: string, into?: Finding[]): Snapshot | undefined => {
        const world = World.of([...from], { meshConfig });
        const proxy = proxyNamed(world, name);
        const translator = new Translator(patches);
        const snapshot = proxy && translator.snapshot(world, proxy);
        into?.push(
          ...translator.failures.map(
            (failure): Finding => ({
              code: 'MAL0016',
              level: 'error',
              analyzer: 'translation',
              resource: failure.name,
              message: failure.error.message,
            }),
          ),
        );
        return snapshot;
      };
      for (const name of names) {
        const snapshot = translate(objects, name, failures);
        if (!snapshot) {
          if (options.proxy) throw new Error(`no proxy ${name}: want NAME.NAMESPACE of a Pod or its workload`);
          continue;
        }
        const complaint = await complaintOfEnvoy(snapshot, path);
        if (!complaint) continue;
        const patching = patchingObjects(snapshot, objects);
        const guilty: KubeObject[] = [];
        for (const object of patching) {
          const without = translate(
            objects.filter((each) => each !== object),
            name,
          );
          if (without && !(await complaintOfEnvoy(without, path))) guilty.push(object);
        }
        // Where no single one turns it around, any of those that patch may be the cause.
        const named = guilty.length > 0 ? guilty : patching;
        const message = `Envoy ${version} refuses what proxy ${name} would get: ${complaint.trim()}`;
        for (const resource of named.length > 0 ? named.map(objectName) : [`Proxy ${name}`])
          failures.push({ code: 'MAL0040', level: 'error', analyzer: 'envoy', resource, message });
      }
      reportFindings(context, [...read.findings, ...findings, ...failures], {
        output: options.output,
        checked: read.objects.length,
      });
    });
}

function podNames(objects: readonly KubeObject[]): string[] {
  return objects
    .filter(({ kind }) => kind === 'Pod')
    .map(({ metadata }) => `${metadata.name}.${metadata.namespace ?? 'default'}`)
    .sort();
}

/** The objects that changed a resource of the snapshot. */
function patchingObjects(snapshot: Snapshot, objects: readonly KubeObject[]): KubeObject[] {
  const resources = [...snapshot.listeners, ...snapshot.routes, ...snapshot.clusters];
  const paths = new Set(resources.flatMap(tracesOf).map(({ path }) => path));
  return objects.filter((object) => paths.has(configPath(object)));
}
