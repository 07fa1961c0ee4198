/** `malha validate FILES…` */
import { Command } from 'commander';
import { judgeByRules, validate as validateObject } from '../../../lib/galley';
import { rulesOf } from '../../../lib/plugin';
import { loadPlugins } from '../../plugins';
import { reportFindings } from '../findings-report';
import type { Context } from '../io';
import { checkNotEmpty, readObjects } from '../mesh-files';
import { outputOption } from '../output-format';
import { pluginOption } from '../plugin-option';

export function validate(context: Context): Command {
  return new Command('validate')
    .argument('<files...>', 'YAML files, or folders of them; - is standard input')
    .addOption(pluginOption('a package whose rules judge too; may be given again'))
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
Judges each object alone, as the admission webhook does: unknown fields, wrong values, what contradicts itself.
What objects say about each other is the work of malha analyze.

Examples:
  $ malha validate manifests
  $ malha validate shop.yaml -o json | jq '.findings[].message'

Exit codes: 0 no errors (warnings are none), 1 errors, 2 a file could not be read, or there is nothing to check.
`,
    )
    .action(async (files: string[], { output, plugin }: { output: string; plugin?: string[] }) => {
      const rules = rulesOf(loadPlugins(plugin ?? []));
      const read = await readObjects(context.io, files);
      checkNotEmpty(read, files);
      const { objects, findings } = read;
      const all = [
        ...findings,
        ...objects.flatMap((object) => [...validateObject(object), ...judgeByRules([object], rules)]),
      ];
      reportFindings(context, all, { output, checked: objects.length });
    });
}
