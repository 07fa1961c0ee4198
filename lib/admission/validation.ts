/** `/validate`: Galley's judgement of one object. */
import { sameValue } from '../api/equality';
import { validate } from '../galley';
import type { Finding } from '../galley/finding';
import { type AdmissionRequest, ALLOWED, type Verdict } from './review';

/** kubectl shows 120 characters of a warning well, and API servers cut all of them at 4,096 together. */
const LONGEST_WARNING = 250;
const MOST_WARNINGS = 15;
/** A person reads the first few; the rest comes when those are mended. */
const MOST_ERRORS = 10;

export function validationVerdict({ operation, object, oldObject, subResource }: AdmissionRequest): Verdict {
  if (!object || operation === 'DELETE' || subResource) return ALLOWED;
  // Whoever only takes off a finalizer or adds a label must not be held up by what the object said before.
  if (operation === 'UPDATE' && oldObject && sameValue(object.spec, oldObject.spec)) return ALLOWED;
  const findings = validate(object);
  const errors = findings.filter(({ level }) => level === 'error');
  const warnings = findings.filter(({ level }) => level === 'warning').map(asText);
  return {
    allowed: errors.length === 0,
    warnings: warnings.slice(0, MOST_WARNINGS).map((text) => shortened(text, LONGEST_WARNING)),
    ...(errors.length > 0 && { message: messageOf(errors) }),
  };
}

function messageOf(errors: readonly Finding[]): string {
  const said = errors.slice(0, MOST_ERRORS).map(asText);
  const left = errors.length - said.length;
  return [...said, ...(left > 0 ? [`and ${left} more`] : [])].join('; ');
}

function asText({ code, path, message, fix }: Finding): string {
  return `[${code}] ${path ? `${path}: ` : ''}${message}${fix ? ` (${fix})` : ''}`;
}

function shortened(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
