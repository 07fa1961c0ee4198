/** `malha validate-proxy FILES… [--proxy NAME.NAMESPACE]` */
import { Command } from 'commander';
import { admit, type Finding, notTranslated } from '../../../lib/galley';
import { findEnvoy } from '../../../lib/local/envoy-binary';
import { judgeByEnvoy } from '../../../lib/local/envoy-judgement';
import { patchesOf } from '../../../lib/plugin';
import { complete } from '../../../lib/world';
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
    .argument('<files...>', 'YAML files, or folders of them; - is standard input')
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
EnvoyFilters and plugins applied. A refusal names the objects, and of several patches those, without which Envoy would
take it.

Examples:
  $ malha validate-proxy manifests
  $ malha validate-proxy manifests --proxy reviews-v1.bookinfo --envoy /opt/envoy-1.39/envoy -o json

Exit codes: 0 Envoy takes all, 1 it refuses something or files hold errors, 2 no such proxy, file or Envoy.
`,
    )
    .action(async (files: string[], options: Options) => {
      const meshConfig = await readMeshConfig(options.meshConfig);
      const read = await readObjects(context.io, files, { definitions: false });
      const { admitted, findings } = admit([], read.objects);
      const objects = complete(admitted, { pods: options.podRange, services: options.serviceRange });
      const env = options.envoy ? { ...process.env, ENVOY_BIN: options.envoy } : process.env;
      const { path: envoy, version } = await findEnvoy({ env });
      const patches = patchesOf(loadPlugins(options.plugin ?? []));
      const proxies = options.proxy ? [options.proxy] : undefined;
      const judgement = await judgeByEnvoy({ objects, meshConfig, patches, proxies, envoy });
      if (proxies && judgement.unknown.length > 0)
        throw new Error(`no proxy ${options.proxy}: want NAME.NAMESPACE of a Pod or its workload`);
      const failures = [
        ...judgement.failures.map(notTranslated),
        ...judgement.refusals.flatMap(({ proxy, complaint, culprits }) => {
          const message = `Envoy ${version} refuses what proxy ${proxy} would get: ${complaint.trim()}`;
          const resources = culprits.length > 0 ? culprits.map(({ name }) => name) : [`Proxy ${proxy}`];
          return resources.map(
            (resource): Finding => ({ code: 'MAL0040', level: 'error', analyzer: 'envoy', resource, message }),
          );
        }),
      ];
      reportFindings(context, [...read.findings, ...findings, ...failures], {
        output: options.output,
        checked: read.objects.length,
      });
    });
}
