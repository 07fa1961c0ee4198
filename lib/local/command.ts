/** Command lines as manifests write them: `malha.dev/run` annotations, and `$(VAR)` in a container's arguments. */

/** What stands for `$(NAME)`: one word's text, or several words where the placeholder is the whole word. */
export type Placeholders = Readonly<Record<string, string | readonly string[]>>;

/**
 * The words of a `malha.dev/run` annotation. Words are split at blanks; quotes keep blanks and are removed; there is no
 * shell, so nothing else is special. Who needs a shell writes `sh -c '…'`.
 * @param where names the annotation in errors.
 * @throws on an open quote, an empty command, or a placeholder that does not exist.
 */
export function commandOf(text: string, placeholders: Placeholders, where: string): string[] {
  const words = split(text, where).flatMap((word) => {
    const whole = /^\$\(([^)]*)\)$/.exec(word)?.[1];
    const value = whole === undefined ? undefined : placeholders[whole];
    if (Array.isArray(value)) return value as string[];
    return [
      word.replace(/\$\(([^)]*)\)/g, (_, name: string) => {
        const found = placeholders[name];
        if (typeof found === 'string') return found;
        const reason = found ? `$(${name}) has to be a word of its own` : `there is no $(${name})`;
        throw new Error(
          `${where}: ${reason}; allowed are ${Object.keys(placeholders)
            .map((key) => `$(${key})`)
            .join(', ')}`,
        );
      }),
    ];
  });
  if (words.length === 0)
    throw new Error(`${where}: the command is empty; write a command, or 'none' for what is not run here`);
  return words;
}

function split(text: string, where: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (const char of text) {
    if (quote) {
      if (char === quote) quote = undefined;
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote) throw new Error(`${where}: a quote (${quote}) is not closed in: ${text.trim()}`);
  return word === undefined ? words : [...words, word];
}

/**
 * Expands `$(VAR)` as the kubelet does: a variable that is not set stays as it is written, `$$(VAR)` is a literal
 * `$(VAR)` (https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/).
 */
export function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)/g, (match, name?: string) => {
    if (name === undefined) return '$';
    return Object.hasOwn(variables, name) ? variables[name]! : match;
  });
}
