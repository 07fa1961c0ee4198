/** `malha analyze FILES…` */
import { Command } from 'commander';
import { analyze as analyzeObjects, validate } from '../../../lib/galley';
import { rulesOf } from '../../../lib/plugin';
import { loadPlugins } from '../../plugins';
import { reportFindings } from '../findings-report';
import type { Context } from '../io';
import {
  checkNotEmpty,
  meshConfigOption,
  meshNetworksOption,
  readMeshConfig,
  readMeshNetworks,
  readObjects,
} from '../mesh-files';
import { outputOption } from '../output-format';
import { pluginOption } from '../plugin-option';

interface Options {
  output: string;
  meshConfig?: string;
  meshNetworks?: string;
  plugin?: string[];
}

export function analyze(context: Context): Command {
  return new Command('analyze')
    .argument('<files...>', 'YAML files, or folders of them; - is standard input')
    .addOption(meshConfigOption())
    .addOption(meshNetworksOption())
    .addOption(pluginOption('a package whose rules judge too; may be given again'))
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
Judges objects together: references to what does not exist, hosts claimed twice, routes that can never match.
Of each object alone only errors are told; malha validate tells its warnings too.

Examples:
  $ malha analyze manifests
  $ helm template shop | malha analyze -
  $ malha analyze shop.yaml policies/ --mesh-config mesh.yaml -o json

Exit codes: 0 no errors (warnings are none), 1 errors, 2 a file could not be read, or there is nothing to check.
`,
    )
    .action(async (files: string[], options: Options) => {
      const meshConfig = await readMeshConfig(options.meshConfig);
      const meshNetworks = await readMeshNetworks(options.meshNetworks);
      const rules = rulesOf(loadPlugins(options.plugin ?? []));
      const read = await readObjects(context.io, files);
      checkNotEmpty(read, files);
      const { objects, findings } = read;
      // An object that is wrong alone is no part of the analysis, so its errors are told here too.
      const broken = objects.flatMap((object) => validate(object)).filter(({ level }) => level === 'error');
      const all = [...findings, ...broken, ...analyzeObjects(objects, { meshConfig, meshNetworks, rules })];
      reportFindings(context, all, { output: options.output, checked: objects.length });
    });
}
