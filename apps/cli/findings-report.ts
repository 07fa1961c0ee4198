/** How findings are shown: grouped by file for people, as `{"findings":[…]}` for programs. */
import type { Finding, Level } from '../../lib/galley/finding';
import { type Context, ExitCode, type Out } from './io';
import { json } from './output-format';

const LEVELS: readonly Level[] = ['error', 'warning', 'info'];

/** Prints findings as the product of a command, and says how the command ends: wrong when one is an error. */
export function reportFindings(
  context: Context,
  findings: readonly Finding[],
  { output, checked }: { output: string; checked: number },
): void {
  const { io, exit } = context;
  if (output === 'json') io.stdout.write(json({ findings }));
  else {
    writeFindings(context, findings, io.stdout);
    const counts = LEVELS.flatMap((level) =>
      count(findings.filter((finding) => finding.level === level).length, level),
    );
    io.stdout.write(`${checked} object${checked === 1 ? '' : 's'} checked: ${counts.join(', ') || 'nothing found'}\n`);
  }
  if (findings.some(({ level }) => level === 'error')) exit(ExitCode.wrong);
}

/** Findings for people, by file and line, an empty line between files. */
export function writeFindings({ colors }: Context, findings: readonly Finding[], out: Out): void {
  const paint = { error: colors.red, warning: colors.yellow, info: colors.cyan };
  let previous: Finding | undefined;
  for (const finding of [...findings].sort(byPlace)) {
    if (previous && previous.file !== finding.file) out.write('\n');
    previous = finding;
    const { level, code, file, line, path, construct, fix } = finding;
    const place = file ? `${plain(file)}${line ? `:${line}` : ''}: ` : '';
    const resource = finding.resource === file ? '' : `${plain(finding.resource)}: `;
    out.write(`${colors.bold(place)}${paint[level](level)} ${code} ${resource}${plain(finding.message)}\n`);
    if (path) out.write(`    at ${plain(path)}\n`);
    if (construct) out.write(`    from ${plain(construct)}\n`);
    if (fix) out.write(`    fix: ${plain(fix)}\n`);
  }
  if (previous) out.write('\n');
}

function byPlace(a: Finding, b: Finding): number {
  return (
    compare(a.file ?? '', b.file ?? '') ||
    (a.line ?? 0) - (b.line ?? 0) ||
    LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) ||
    compare(a.code, b.code)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function count(n: number, noun: string): string[] {
  return n === 0 ? [] : [`${n} ${noun}${n === 1 || noun === 'info' ? '' : 's'}`];
}

/** One line, whatever the objects hold: their text must not steer the terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
