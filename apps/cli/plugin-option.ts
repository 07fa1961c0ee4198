/** The option by which an operator names plugins. */
import { Option } from 'commander';

/** Gives a list of names; undefined where nothing was given. */
export function pluginOption(description: string): Option {
  return new Option(
    '--plugin <name>',
    `${description}; found as Node finds packages from the current folder`,
  ).argParser((name: string, before: readonly string[] | undefined) => [...(before ?? []), name]);
}
