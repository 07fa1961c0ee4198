/** Matches of strings, and regular expressions in general. */
import { RE2JS } from 're2js';
import type { StringMatch } from '../../api/networking/string-match';
import { LARGEST_PROGRAM, LONGEST_REGEX } from '../../api/regular-expression';
import { shown } from '../schema-check';
import type { Check } from './check';

const verdicts = new Map<string, string | undefined>();

/** Why `regex` is not an expression in RE2's syntax; undefined when it is one. */
export function problemOfRegex(regex: string): string | undefined {
  if (regex === '') {
    return 'a regular expression must not be empty';
  }
  if (regex.length > LONGEST_REGEX) {
    return `a regular expression has at most ${LONGEST_REGEX} characters, got ${regex.length}`;
  }
  if (!verdicts.has(regex)) {
    if (verdicts.size > 10_000) {
      verdicts.clear();
    }
    verdicts.set(regex, compileProblem(regex));
  }
  return verdicts.get(regex);
}

function compileProblem(regex: string): string | undefined {
  try {
    const size = RE2JS.compile(regex).programSize();
    return size > LARGEST_PROGRAM ? `the regular expression ${shown(regex)} is too complex` : undefined;
  } catch (error) {
    const reason = (error as Error).message.replace(/^error parsing regexp: /, '');
    return `${shown(regex)} is not a regular expression in RE2 syntax: ${reason}`;
  }
}

export function checkRegex(regex: string, check: Check): void {
  const problem = problemOfRegex(regex);
  if (problem) {
    check.error(problem);
  }
}

export function checkStringMatch(match: StringMatch | undefined, check: Check): void {
  if (match?.prefix === '') {
    check.at('prefix').error('a prefix must not be empty', 'leave the match out to match everything');
  }
  if (match?.regex !== undefined) {
    checkRegex(match.regex, check.at('regex'));
  }
}
