/**
 * How constructs complain: what is wrong, what was got, what is allowed, how to fix it. What is plainly wrong where it
 * is written throws at once and names the construct; what can only be judged once the program is complete is collected
 * and reported with everything else at synthesis.
 */
import type { IConstruct } from 'constructs';
import type { ProgramCode } from '../lib/galley/program-catalogue';

/** A complaint of a construct, by its code in the catalogue of programs. */
export interface Problem {
  readonly code: ProgramCode;
  readonly what: string;
  readonly got?: string;
  readonly allowed?: string;
  readonly fix: string;
}

/** The problem in one line. */
export function problemText({ code, what, got, allowed, fix }: Problem): string {
  const parts = [`${code} ${what}`];
  if (got !== undefined) parts.push(`got: ${got}`);
  if (allowed !== undefined) parts.push(`allowed: ${allowed}`);
  return `${parts.join('; ')}; fix: ${fix}`;
}

/** An error to throw now, naming the construct. */
export function problemAt(construct: IConstruct | string, problem: Problem): Error {
  const path = typeof construct === 'string' ? construct : construct.node.path;
  return new Error(`${path}: ${problemText(problem)}`);
}

/** Has synthesis report what `find` finds in the finished program. */
export function reportAtSynthesis(construct: IConstruct, find: () => Problem[]): void {
  construct.node.addValidation({ validate: () => find().map(problemText) });
}
