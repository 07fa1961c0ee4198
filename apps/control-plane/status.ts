/** The value behind `/status`, which the console and `malha proxy-status` read, and which replicas tell each other. */
import { hasAnswered, type ReplicaAnswer, type ReplicaState, stateOf } from '../../lib/controllers/replica-answers';
import type { Finding } from '../../lib/galley/finding';
import { mergedCalls } from '../../lib/mixer/merged-calls';
import type { ObservedCall, ObservedCalls } from '../../lib/mixer/observed-calls';
import type { Configuration, MeshSource } from '../../lib/xds/mesh-source';
import type { Quarantined } from '../../lib/xds/quarantine';
import { systemClock } from '../../lib/xds/source';
import type { ProxyStatus } from '../../lib/xds/status';
import type { CitadelExpiry } from './citadel';

/** How it goes in one replica, about all namespaces. */
export interface Status {
  readonly version: string;
  /** Which of its mesh's control planes tells. */
  readonly revision?: string;
  /** Since when it runs, and counts calls, as an ISO time. */
  readonly since: string;
  /** `stale` when something newer has errors: then the last good configuration is in force, and findings say why. */
  readonly configuration: Configuration;
  readonly proxies: readonly ConnectedProxy[];
  readonly findings: readonly Finding[];
  /** Who called whom, as access logs tell. */
  readonly calls: readonly ObservedCall[];
  /** Entries of access logs that came too fast to be counted. */
  readonly lost: number;
  /** The mesh's own certificates; workloads' are their proxies' own. */
  readonly certificates: readonly CertificateStatus[];
}

export interface ConnectedProxy extends Omit<ProxyStatus, 'connectedAt'> {
  readonly connectedAt: string;
  /** The name of the replica that serves it, where all were asked. */
  readonly replica?: string;
}

export interface CertificateStatus {
  readonly level: CitadelExpiry['level'];
  /** ISO times. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly isOverdue: boolean;
  /** The names of the replicas that have it, where others have another one. */
  readonly replicas?: readonly string[];
}

/** One replica of several, as it answered. */
export interface ReplicaStatus
  extends ReplicaState,
    Partial<Pick<Status, 'version' | 'revision' | 'since' | 'configuration'>> {}

/** How it goes in all replicas, and which of them could not be asked. */
export interface StatusOfAll extends Status {
  readonly replicas: readonly ReplicaStatus[];
}

export interface StatusSources {
  readonly version: string;
  readonly revision: string;
  readonly since: Date;
  readonly source: MeshSource;
  readonly connected: readonly ProxyStatus[];
  readonly rejected: readonly Quarantined[];
  readonly calls: ObservedCalls;
  readonly lost: number;
  readonly expiries: readonly CitadelExpiry[];
}

/** Of this replica, about all namespaces. */
export function statusOf(sources: StatusSources): Status {
  const { version, revision, since, source, connected, rejected, calls, lost, expiries } = sources;
  return {
    version,
    revision,
    since: since.toISOString(),
    configuration: source.configuration,
    proxies: connected.map(connectedProxy),
    findings: [...source.blame(rejected), ...source.findings, ...source.analysis()],
    calls: calls.all(),
    lost,
    certificates: expiries.map(({ level, notBefore, notAfter, isOverdue }) => ({
      level,
      notBefore: notBefore.toISOString(),
      notAfter: notAfter.toISOString(),
      isOverdue,
    })),
  };
}

/** With the time that it is connected since as others can read it. */
export function connectedProxy(proxy: ProxyStatus): ConnectedProxy {
  const started = Date.now() - systemClock.now();
  return { ...proxy, connectedAt: new Date(started + proxy.connectedAt).toISOString() };
}

/**
 * Sums of what each has counted, since the first of them began.
 * @param own of this replica. @param name of this replica. @param others as they answered, or did not.
 */
export function statusOfAll(own: Status, name: string, others: readonly ReplicaAnswer<Status>[]): StatusOfAll {
  const answers = [{ name, answer: own }, ...others.filter(hasAnswered)];
  // Replicas find the same in the same objects; what their proxies refuse differs.
  const findings = new Map(
    answers.flatMap(({ answer }) => answer.findings).map((finding) => [JSON.stringify(finding), finding]),
  );
  const proxies = answers.flatMap(({ name: replica, answer }) =>
    answer.proxies.map((proxy) => ({ ...proxy, replica })),
  );
  const replicas = [{ name, answer: own }, ...others].map((replica): ReplicaStatus => {
    if (!hasAnswered(replica)) return stateOf(replica);
    const { version, revision, since, configuration } = replica.answer;
    return { ...stateOf(replica), version, revision, since, configuration };
  });
  return {
    version: own.version,
    revision: own.revision,
    since: answers.map(({ answer }) => answer.since).sort()[0]!,
    configuration: own.configuration,
    proxies,
    findings: [...findings.values()],
    calls: mergedCalls(answers.map(({ answer }) => answer.calls)),
    lost: answers.reduce((sum, { answer }) => sum + answer.lost, 0),
    certificates: certificatesOf(answers),
    replicas,
  };
}

/** Of what all have there is one; in a rotation, and of what each has for itself, there are several. */
function certificatesOf(answers: readonly { name: string; answer: Status }[]): CertificateStatus[] {
  const found = new Map<string, { certificate: CertificateStatus; replicas: string[] }>();
  for (const { name, answer } of answers) {
    for (const certificate of answer.certificates) {
      const key = JSON.stringify(certificate);
      const known = found.get(key) ?? { certificate, replicas: [] };
      known.replicas.push(name);
      found.set(key, known);
    }
  }
  const order = ['root', 'intermediate', 'serving'];
  return [...found.values()]
    .map(({ certificate, replicas }) =>
      replicas.length < answers.length ? { ...certificate, replicas: replicas.sort() } : certificate,
    )
    .sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

/** What another replica has told. @throws when it is no status */
export function readStatus(value: unknown): Status {
  const { version, revision, since, configuration, proxies, findings, calls, lost, certificates } = (value ??
    {}) as Partial<Status>;
  const isTold = typeof version === 'string' && isTime(since) && typeof configuration?.state === 'string';
  const isWhole =
    Array.isArray(findings) && Array.isArray(proxies) && Array.isArray(calls) && Array.isArray(certificates);
  if (
    !isTold ||
    !isWhole ||
    typeof lost !== 'number' ||
    proxies.some((proxy) => typeof proxy?.node?.id !== 'string') ||
    calls.some((call) => typeof call?.source !== 'string' || typeof call.destination !== 'string') ||
    calls.some((call) => typeof call.count !== 'number' || !isTime(call.lastSeen))
  )
    throw new Error('it answers with no status of a control plane');
  return { version, revision, since: since!, configuration, proxies, findings, calls, lost, certificates };
}

const isTime = (value: unknown) => typeof value === 'string' && !Number.isNaN(Date.parse(value));

/** What somebody may see who may see this namespace alone; undefined: all. */
export function withinNamespaceOf<Told extends Status>(status: Told, namespace: string | undefined): Told {
  if (namespace === undefined) return status;
  const isIn = (end: string) => namespaceOf(end) === namespace;
  return {
    ...status,
    proxies: status.proxies.filter(({ node }) => namespaceOf(node.id.split('~')[2] ?? '') === namespace),
    findings: status.findings.filter(({ resource }) => resource.includes(` ${namespace}/`)),
    calls: status.calls.filter(({ source, destination }) => isIn(source) || isIn(destination)),
    certificates: [],
  };
}

/** Of `NAME.NAMESPACE`, `NAME.NAMESPACE.svc.…:PORT` or a SPIFFE id. */
export function namespaceOf(end: string): string | undefined {
  if (end.startsWith('spiffe://')) return end.split('/')[4];
  const labels = end.split(/[: ]/, 1)[0]!.split('.');
  const svc = labels.lastIndexOf('svc');
  return svc > 1 ? labels[svc - 1] : labels.at(-1);
}
