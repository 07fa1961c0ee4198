/**
 * What stands on objects of Istio's API: `Accepted`, Galley's verdict, and `Programmed`, whether the object has landed on the
 * proxies that it concerns. The form is that of IstioStatus (https://istio.io/latest/docs/reference/config/config-status/).
 */
import type { KubeObject } from '../api/object';
import type { Finding } from '../galley';
import { type Condition, fails, holds, type Problem, type Stated, type StatedCondition, Transitions } from '../world';
import type { ObjectReport } from '../xds/local-reports';

export interface IstioStatus {
  readonly conditions: readonly StatedCondition[];
  readonly observedGeneration?: number;
}

export interface IstioObservation {
  /** What Galley found in the object, looked at alone. */
  readonly findings: readonly Finding[];
  readonly report: ObjectReport;
  /** The status that it has now. */
  readonly standing: unknown;
  /** RFC 3339, in seconds. */
  readonly now: string;
}

export function istioStatus(object: KubeObject, { findings, report, standing, now }: IstioObservation): IstioStatus {
  const errors = findings.filter(({ level }) => level === 'error');
  const accepted =
    errors.length > 0 ? fails('Accepted', problemOf('Invalid', errors)) : holds('Accepted', 'the object is valid');
  const conditions = [accepted, errors.length > 0 ? OLDER : programmed(findings, report)];
  const { generation } = object.metadata;
  return {
    conditions: new Transitions(object, now, standing).stated(conditions, standing as Stated | undefined),
    ...(generation !== undefined && { observedGeneration: generation }),
  };
}

const OLDER = fails('Programmed', {
  reason: 'Invalid',
  message: 'not in force; the last generation that was valid stays in force, where there was one',
});

function programmed(findings: readonly Finding[], report: ObjectReport): Condition {
  const unserved = findings.filter(({ code }) => code === 'MAL0001');
  if (report.state === 'refused') {
    return fails('Programmed', { reason: 'Rejected', message: bounded(report.error) });
  }
  if (unserved.length > 0) return fails('Programmed', problemOf('NotServed', unserved));
  if (report.state === 'landed') return holds('Programmed', 'all proxies that it concerns have it');
  const message = 'on its way: not all proxies that it concerns have acknowledged it';
  return { type: 'Programmed', status: 'Unknown', reason: 'Pending', message };
}

/** Messages are bounded: an object can have a thousand findings. */
const SHOWN = 5;
const LONGEST = 1024;

/** The findings as one problem: each with its code, and with its place where the text does not say it. */
export function problemOf(reason: string, findings: readonly Finding[]): Problem {
  const texts = findings.slice(0, SHOWN).map(({ code, path, message }) => {
    return `${path && !message.includes(path) ? `${path}: ` : ''}${message} (${code})`;
  });
  const more = findings.length > SHOWN ? [`${findings.length - SHOWN} more`] : [];
  return { reason, message: bounded([...texts, ...more].join('; ')) };
}

export function bounded(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
