/** `malha analyze FILES…` */
import { Command } from 'commander';
import { analyze as analyzeObjects } from '../../../lib/galley';
import { reportFindings } from '../findings-report';
import type { Context } from '../io';
import { meshConfigOption, readMeshConfig, readObjects } from '../mesh-files';
import { outputOption } from '../output-format';

interface Options {
  output: string;
  meshConfig?: string;
}

export function analyze(context: Context): Command {
  return new Command('analyze')
    .argument('<files...>', 'YAML files, or folders of them')
    .addOption(meshConfigOption())
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
Judges objects together: references to what does not exist, hosts claimed twice, routes that can never match.
Each object alone is the work of malha validate.

Examples:
  $ malha analyze manifests
  $ malha analyze shop.yaml policies/ --mesh-config mesh.yaml -o json

Exit codes: 0 no errors (warnings are none), 1 errors, 2 a file could not be read.
`,
    )
    .action(async (files: string[], options: Options) => {
      const meshConfig = await readMeshConfig(options.meshConfig);
      const { objects, findings } = await readObjects(files);
      const all = [...findings, ...analyzeObjects(objects, { meshConfig })];
      reportFindings(context, all, { output: options.output, checked: objects.length });
    });
}
