/** Findings as a person reads them at synthesis: what, where, what was got, what is allowed, how to fix it. */
import type { Finding } from '../lib/galley';

/** All findings in one text, errors first, each with its construct. */
export function findingsText(findings: readonly Finding[]): string {
  const order = ['error', 'warning', 'info'];
  const sorted = [...findings].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  return [headline(findings), ...sorted.map(findingText)].join('\n\n');
}

function headline(findings: readonly Finding[]): string {
  const errors = findings.filter(({ level }) => level === 'error').length;
  const others = findings.length - errors;
  const parts = [errors > 0 ? plural(errors, 'error') : '', others > 0 ? plural(others, 'warning') : ''];
  return `the mesh has ${parts.filter((part) => part !== '').join(' and ')}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function findingText(finding: Finding): string {
  const { level, code, construct, resource, path, message, fix } = finding;
  const place = construct ?? resource;
  const object = [resource === place ? '' : resource, path ?? ''].filter((part) => part !== '').join(', ');
  const lines = [`${level} ${code} ${place}${object ? ` (${object})` : ''}`, ...message.split('; ')];
  if (fix !== undefined) lines.push(`fix: ${fix}`);
  return lines.join('\n    ');
}
