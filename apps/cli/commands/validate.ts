/** `malha validate FILES…` */
import { Command } from 'commander';
import { validate as validateObject } from '../../../lib/galley';
import { reportFindings } from '../findings-report';
import type { Context } from '../io';
import { readObjects } from '../mesh-files';
import { outputOption } from '../output-format';

export function validate(context: Context): Command {
  return new Command('validate')
    .argument('<files...>', 'YAML files, or folders of them')
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
Judges each object alone, as the admission webhook does: unknown fields, wrong values, what contradicts itself.
What objects say about each other is the work of malha analyze.

Examples:
  $ malha validate manifests
  $ malha validate shop.yaml -o json | jq '.findings[].message'

Exit codes: 0 no errors (warnings are none), 1 errors, 2 a file could not be read.
`,
    )
    .action(async (files: string[], { output }: { output: string }) => {
      const { objects, findings } = await readObjects(files);
      const all = [...findings, ...objects.flatMap((object) => validateObject(object))];
      reportFindings(context, all, { output, checked: objects.length });
    });
}
