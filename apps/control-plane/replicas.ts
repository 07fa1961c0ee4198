/** What the replicas of one control plane tell each other of their proxies. Wiring only; the parts are in lib/controllers. */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../lib/api/object';
import { ReplicaReports } from '../../lib/controllers/replica-reports';
import { type ReplicaAddress, type ReplicaAnswer, ReplicaStatuses } from '../../lib/controllers/replica-statuses';
import { askReplica, watchReports } from '../../lib/controllers/report-client';
import { reportService } from '../../lib/controllers/report-service';
import type { Leadership } from '../../lib/discovery/kubernetes';
import { systemClock } from '../../lib/discovery/kubernetes/watch';
import { formatIdentity, type World } from '../../lib/world';
import { LocalReports, type ProxyReports } from '../../lib/xds/local-reports';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { GrpcService, XdsServer } from '../../lib/xds/server';
import type { AuthenticatedCall, Logger } from '../../lib/xds/source';
import type { Citadel } from './citadel';
import { type ReplicaStatus, readReplicaStatus } from './status';

/** The name of the control plane's Service and ServiceAccount. */
const CONTROL_PLANE = 'malha-control-plane';
const PORT = 15012;

export interface ReplicasOptions {
  /** Of the control plane. */
  readonly namespace: () => string;
  readonly source: MeshSource;
  readonly xds: () => XdsServer | undefined;
  readonly objects: () => readonly KubeObject[];
  /** How it goes in this replica, about all namespaces. */
  readonly status: () => ReplicaStatus;
  readonly log: Logger;
}

export class Replicas {
  private readonly replica = randomUUID();
  /** Its Pod's, where it is one. */
  readonly name = process.env.POD_NAME ?? CONTROL_PLANE;
  readonly local: ProxyReports;
  private readonly asking: ReplicaReports[] = [];
  private statuses: ReplicaStatuses<ReplicaStatus> | undefined;

  constructor(private readonly options: ReplicasOptions) {
    const { source, xds } = options;
    this.local = new LocalReports(source, {
      progress: () => xds()?.progress() ?? [],
      rejected: () => xds()?.rejected() ?? [],
      subscribe: (onProgress) => xds()?.subscribe(onProgress) ?? (() => undefined),
    });
  }

  /** Tells other replicas, and nobody else. */
  service({ callerOf }: Pick<Citadel, 'callerOf'>): GrpcService {
    const { namespace, objects, status, log } = this.options;
    const authorize = async (call: AuthenticatedCall) => {
      const { identity, kind } = await callerOf(call);
      if (kind === 'certificate' && identity.namespace === namespace() && identity.serviceAccount === CONTROL_PLANE)
        return;
      throw new Error(`${formatIdentity(identity)} is no control plane of this mesh`);
    };
    const { replica, name, local: reports } = this;
    return reportService({ replica, name, status, objects, reports, authorize, clock: systemClock, log });
  }

  /** What all replicas have to say, for the one that leads. */
  reports(leadership: Leadership, citadel: Pick<Citadel, 'identity'>): ReplicaReports {
    const { namespace, source, log } = this.options;
    const reports = new ReplicaReports({
      replica: this.replica,
      local: this.local,
      addresses: () => (source.world ? readyReplicas(source.world, namespace()) : []),
      subscribe: (onChange) => source.subscribe(onChange),
      watch: watchReports(() => citadel.identity(), hostOf(namespace())),
      leadership,
      clock: systemClock,
      log,
    });
    this.asking.push(reports);
    return reports;
  }

  /** From now on it is one of several, and asks the others when somebody wants to know how it goes in all of them. */
  join(citadel: Pick<Citadel, 'identity'>): void {
    const { namespace, source } = this.options;
    this.statuses = new ReplicaStatuses({
      name: process.env.POD_NAME,
      addresses: () => (source.world ? replicasOf(source.world, namespace()) : []),
      ask: askReplica(this.replica, () => citadel.identity(), hostOf(namespace())),
      read: readReplicaStatus,
    });
  }

  /** How it goes in the other replicas; there are none where this one is alone. */
  async others(): Promise<readonly ReplicaAnswer<ReplicaStatus>[]> {
    if (!this.statuses) return [];
    const { namespace, source } = this.options;
    const address = `${hostOf(namespace())}:${PORT}`;
    // This replica itself is one of them, so none means that they are not known.
    const isKnown = source.world !== undefined && replicasOf(source.world, namespace()).length > 0;
    return isKnown ? this.statuses.ofOthers() : [{ name: CONTROL_PLANE, address, error: UNKNOWN }];
  }

  /** Asks nobody any more. */
  close(): void {
    for (const reports of this.asking) reports.close();
  }
}

const UNKNOWN = 'the Service of the control plane has no endpoints, so no other replica is known';

const hostOf = (namespace: string) => `${CONTROL_PLANE}.${namespace}.svc.cluster.local`;

const atPort = (addressType: string | undefined, address: string) =>
  `${addressType === 'IPv6' ? `[${address}]` : address}:${PORT}`;

const slicesOf = ({ inventory }: World, namespace: string) =>
  inventory.slices.get(`${namespace}/${CONTROL_PLANE}`) ?? [];

/** Of every replica that is ready. */
export function readyReplicas(world: World, namespace: string): string[] {
  const ready = slicesOf(world, namespace).flatMap(({ addressType, endpoints }) =>
    (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.map((address) => atPort(addressType, address))),
  );
  return [...new Set(ready)].sort();
}

/** Every replica, by one address each: one that is not ready, or about to end, may still serve proxies. */
export function replicasOf(world: World, namespace: string): ReplicaAddress[] {
  const found = new Map<string, ReplicaAddress>();
  for (const { addressType, endpoints = [] } of slicesOf(world, namespace)) {
    for (const { addresses, targetRef } of endpoints) {
      const address = atPort(addressType, addresses[0]!);
      const name = targetRef?.kind === 'Pod' ? targetRef.name : undefined;
      if (!found.has(name ?? address)) found.set(name ?? address, { name, address });
    }
  }
  return [...found.values()];
}
