/** `malha version` */
import { Command } from 'commander';
import { MALHA_VERSION } from '../../../lib/injector/images';
import { ENVOY_VERSION } from '../../../lib/local/envoy-binary';
import type { Context } from '../io';
import { json, outputOption } from '../output-format';

export function version({ io }: Context): Command {
  return new Command('version')
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
Examples:
  $ malha version
  $ malha version -o json
`,
    )
    .action(({ output }: { output: string }) => {
      const versions = { malha: MALHA_VERSION, envoy: ENVOY_VERSION, node: process.versions.node };
      io.stdout.write(
        output === 'json'
          ? json(versions)
          : Object.entries(versions)
              .map(([name, value]) => `${name.padEnd(6)} ${value}\n`)
              .join(''),
      );
    });
}
