/** The value behind `/status`, which the console and `malha proxy-status` read. */
import type { ReplicaAnswer } from '../../lib/controllers/replica-statuses';
import type { Finding } from '../../lib/galley/finding';
import type { ObservedCall, ObservedCalls } from '../../lib/mixer/observed-calls';
import type { Configuration, MeshSource } from '../../lib/xds/mesh-source';
import type { Quarantined } from '../../lib/xds/quarantine';
import { systemClock } from '../../lib/xds/source';
import type { ProxyStatus } from '../../lib/xds/status';

export interface Status {
  readonly version: string;
  /** Which of its mesh's control planes tells; undefined where an older one does. */
  readonly revision?: string;
  /** `stale` when something newer has errors: then the last good configuration is in force, and findings say why. */
  readonly configuration: Configuration;
  readonly proxies: readonly ConnectedProxy[];
  readonly findings: readonly Finding[];
  /** Who called whom, as access logs tell. */
  readonly calls: readonly ObservedCall[];
}

export interface ConnectedProxy extends Omit<ProxyStatus, 'connectedAt'> {
  readonly connectedAt: string;
  /** The name of the replica that serves it, where all were asked. */
  readonly replica?: string;
}

/** What one replica tells another. */
export type ReplicaStatus = Omit<Status, 'calls'>;

/** One replica of several. */
export interface ReplicaState extends Partial<Pick<Status, 'version' | 'revision' | 'configuration'>> {
  readonly name: string;
  /** `HOST:PORT`; none of the one that answers. */
  readonly address?: string;
  /** Why it could not be asked: then its proxies are missing. */
  readonly error?: string;
}

/** Behind `/status?replicas=all`: the proxies and findings of all replicas, and which of them could not be asked. */
export interface StatusOfAll extends ReplicaStatus {
  readonly replicas: readonly ReplicaState[];
}

/** @param namespace of whose proxies, findings and calls it tells; undefined: of all. */
export function statusOf(
  { version, revision }: Pick<Status, 'version' | 'revision'>,
  source: MeshSource,
  { connected, rejected }: { connected: readonly ProxyStatus[]; rejected: readonly Quarantined[] },
  calls: ObservedCalls,
  namespace?: string,
): Status {
  const started = Date.now() - systemClock.now();
  const isIn = (name: string) => namespace === undefined || namespaceOf(name) === namespace;
  const all = {
    version,
    revision,
    configuration: source.configuration,
    proxies: connected.map((proxy) => ({
      ...proxy,
      connectedAt: new Date(started + proxy.connectedAt).toISOString(),
    })),
    findings: [...source.blame(rejected), ...source.findings, ...source.analysis()],
  };
  return {
    ...onlyOf(all, namespace),
    calls: calls.all().filter(({ source: caller, destination }) => isIn(caller) || isIn(destination)),
  };
}

/**
 * @param own of this replica, about all namespaces.
 * @param name of this replica.
 * @param others as they answered, or did not.
 * @param namespace of whose proxies and findings it tells; undefined: of all.
 */
export function statusOfAll(
  own: ReplicaStatus,
  name: string,
  others: readonly ReplicaAnswer<ReplicaStatus>[],
  namespace?: string,
): StatusOfAll {
  const { version, revision, configuration } = own;
  const answers = [{ name, status: own }, ...others.flatMap((other) => ('status' in other ? [other] : []))];
  // Replicas find the same in the same objects; what their proxies refuse differs.
  const findings = new Map(
    answers.flatMap(({ status }) => status.findings).map((finding) => [JSON.stringify(finding), finding]),
  );
  const proxies = answers.flatMap(({ name: replica, status }) =>
    status.proxies.map((proxy) => ({ ...proxy, replica })),
  );
  const replicas: ReplicaState[] = [
    { name, version, revision, configuration },
    ...others.map((other) =>
      'status' in other
        ? {
            name: other.name,
            address: other.address,
            version: other.status.version,
            revision: other.status.revision,
            configuration: other.status.configuration,
          }
        : other,
    ),
  ];
  const all = { version, configuration, proxies, findings: [...findings.values()] };
  return { ...onlyOf(all, namespace), replicas };
}

/** What another replica has told. @throws when it is no status */
export function readReplicaStatus(value: unknown): ReplicaStatus {
  const { version, revision, configuration, proxies, findings } = (value ?? {}) as Partial<ReplicaStatus>;
  const isStatus = typeof version === 'string' && typeof configuration?.state === 'string' && Array.isArray(findings);
  if (!isStatus || !Array.isArray(proxies) || proxies.some(({ node }) => typeof node?.id !== 'string'))
    throw new Error('it answers with no status of a control plane');
  return { version, revision, configuration, proxies, findings };
}

/** What somebody may see who may see this namespace alone. */
function onlyOf(status: ReplicaStatus, namespace: string | undefined): ReplicaStatus {
  if (namespace === undefined) return status;
  return {
    ...status,
    proxies: status.proxies.filter(({ node }) => namespaceOf(node.id.split('~')[2] ?? '') === namespace),
    findings: status.findings.filter(({ resource }) => resource.includes(` ${namespace}/`)),
  };
}

/** Of `NAME.NAMESPACE`, `NAME.NAMESPACE.svc.…:PORT` or a SPIFFE id. */
export function namespaceOf(end: string): string | undefined {
  if (end.startsWith('spiffe://')) return end.split('/')[4];
  const labels = end.split(/[: ]/, 1)[0]!.split('.');
  const svc = labels.lastIndexOf('svc');
  return svc > 1 ? labels[svc - 1] : labels.at(-1);
}
