/** `-o json` and its kin: what is printed for people, and what for programs. */
import { Option } from 'commander';

/** The option `-o, --output`; the first choice is the default. */
export function outputOption(...choices: readonly string[]): Option {
  return new Option('-o, --output <format>', 'how to print').choices([...choices]).default(choices[0]);
}

/** JSON for pipes: indented, because people look at it too; ends with a line feed. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
