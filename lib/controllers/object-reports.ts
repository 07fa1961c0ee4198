/** What one replica tells another about objects: only what is new, as JSON. */
import { kindOf } from '../api/kinds';
import { type KubeObject, objectKey } from '../api/object';
import type { ObjectReport } from '../xds/local-reports';

/** One message of a stream; the first has all. */
export interface ReportMessage {
  /** Who tells; different for every process. */
  readonly replica: string;
  /** By the version of an object; null: it is in force there no more. */
  readonly changes: Readonly<Record<string, ObjectReport | null>>;
}

/** Names one version of one object for all replicas. */
export function versionOf(object: KubeObject): string {
  const { uid = '', generation = 0 } = object.metadata;
  return `${objectKey(object)} ${uid} ${generation}`;
}

/** The differences from message to message of one stream. */
export class ReportDifferences {
  private readonly sent = new Map<string, string>();

  /** What of `objects` is in force and has changed since the last call; undefined when nothing has. */
  next(
    objects: readonly KubeObject[],
    report: (object: KubeObject) => ObjectReport,
  ): ReportMessage['changes'] | undefined {
    const changes: Record<string, ObjectReport | null> = {};
    const gone = new Set(this.sent.keys());
    for (const object of objects) {
      if (!kindOf(object)) continue;
      const said = report(object);
      if (said.state === 'unknown') continue;
      const version = versionOf(object);
      const text = JSON.stringify(said);
      gone.delete(version);
      if (this.sent.get(version) === text) continue;
      this.sent.set(version, text);
      changes[version] = said;
    }
    for (const version of gone) {
      this.sent.delete(version);
      changes[version] = null;
    }
    return Object.keys(changes).length > 0 ? changes : undefined;
  }
}

/** @throws when it is none. */
export function readMessage(bytes: Buffer): ReportMessage {
  const { replica, changes } = JSON.parse(bytes.toString()) as Partial<ReportMessage>;
  if (typeof replica !== 'string' || typeof changes !== 'object' || changes === null) throw new Error('no report');
  for (const said of Object.values(changes))
    if (said && !STATES.has(said.state)) throw new Error('no report of an object');
  return { replica, changes };
}

const STATES = new Set(['unknown', 'pending', 'refused', 'landed']);

/** What all replicas together say: the worst of it. */
export function together(reports: readonly ObjectReport[]): ObjectReport {
  const refused = reports.find(({ state }) => state === 'refused');
  if (refused) return refused;
  if (reports.some(({ state }) => state !== 'landed')) return { state: 'pending' };
  const counts = reports.flatMap((report) => (report.state === 'landed' ? (report.proxies ?? []) : []));
  return counts.length === 0 ? { state: 'landed' } : { state: 'landed', proxies: counts.reduce((a, b) => a + b) };
}
