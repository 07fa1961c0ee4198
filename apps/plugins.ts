/** Finds plugins that the operator has named: packages installed where the program runs. Nothing else is ever loaded. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { type Plugin, pluginFrom } from '../lib/plugin';

/**
 * In the order in which they are named.
 * @param names of packages, found from `folder` as Node finds them; or paths that begin with `.` or `/`.
 * @throws Error that says which is missing, or why it cannot be used.
 */
export function loadPlugins(names: readonly string[], folder = process.cwd()): Plugin[] {
  const find = createRequire(resolve(folder, 'malha.js'));
  const plugins = names.map((name) => load(find, name, folder));
  const twice = plugins.find(({ name }, index) => plugins.findIndex((other) => other.name === name) !== index);
  if (twice) throw new Error(`plugin ${twice.name} is named twice; name it once`);
  return plugins;
}

function load(find: NodeJS.Require, name: string, folder: string): Plugin {
  let exported: unknown;
  try {
    exported = find(name);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isMissing = code === 'MODULE_NOT_FOUND' && message.includes(`'${name}'`);
    if (isMissing) throw new Error(`plugin ${name} is not installed in ${folder}; npm install ${name} there`);
    throw new Error(`plugin ${name} cannot be loaded: ${message}`);
  }
  const plugin = pluginFrom<never>(exported, name);
  if (!/^[./]/.test(name) && plugin.name !== name) {
    throw new Error(`the package ${name} exports a plugin named ${plugin.name}; a plugin has the name of its package`);
  }
  return plugin;
}
