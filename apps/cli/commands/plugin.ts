/** `malha plugin new DIR` */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { loadPlugins } from '../../plugins';
import type { Context } from '../io';

export function plugin(context: Context): Command {
  const { io } = context;
  const command = new Command('plugin').addHelpText(
    'after',
    `
Examples:
  $ malha plugin new my-plugin         a package with a rule, a check and their tests
  $ malha plugin show @shop/tenants    what an installed plugin is able to do, before it is used

Exit codes: 0 done, 2 it could not be done.
`,
  );
  command
    .command('new')
    .description('write the package of a new plugin into a new folder')
    .argument('<folder>', 'where to; its last part is the name of the package')
    .action((folder: string) => {
      const files = writeTemplate(resolve(folder));
      io.stdout.write(`${folder}: ${files.join(', ')}\nnext: cd ${folder} && npm install && npm test\n`);
    });
  command
    .command('show')
    .description('tell what an installed plugin is able to do')
    .argument('<name>', 'of its package, as found from the current folder')
    .action((name: string) => {
      const [found] = loadPlugins([name]);
      const { apiVersion, capabilities } = found!;
      io.stdout.write(`${JSON.stringify({ name: found!.name, apiVersion, capabilities }, null, 2)}\n`);
    });
  return command;
}

const PLACEHOLDER = 'PLUGIN_NAME';

function writeTemplate(folder: string): string[] {
  const name = basename(folder);
  if (!/^[a-z0-9][a-z0-9._-]{0,200}$/.test(name)) {
    throw new Error(`${name} cannot be the name of a package; use lower-case letters, digits and dashes`);
  }
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new Error(`${folder} is not empty; name a folder that is new`);
  }
  mkdirSync(folder, { recursive: true });
  const template = templateFolder();
  const files = readdirSync(template).sort();
  for (const file of files) {
    writeFileSync(join(folder, file), readFileSync(join(template, file), 'utf8').replaceAll(PLACEHOLDER, name));
  }
  return files;
}

/** Beside package.json, wherever this file was compiled to. */
function templateFolder(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, 'templates/plugin');
    if (existsSync(found)) return found;
  }
  throw new Error('the template of plugins is not part of this installation');
}
