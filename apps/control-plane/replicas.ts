/** What the replicas of one control plane tell each other of their proxies. Wiring only; the parts are in lib/controllers. */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../lib/api/object';
import { controlPlaneHost, controlPlaneName, isControlPlaneName } from '../../lib/api/revisions';
import { ReplicaReports } from '../../lib/controllers/replica-reports';
import { type ReplicaAddress, type ReplicaAnswer, ReplicaStatuses } from '../../lib/controllers/replica-statuses';
import { askReplica, watchReports } from '../../lib/controllers/report-client';
import { reportService } from '../../lib/controllers/report-service';
import type { Leadership } from '../../lib/discovery/kubernetes';
import { systemClock } from '../../lib/discovery/kubernetes/watch';
import { formatIdentity } from '../../lib/world';
import { LocalReports, type ProxyReports } from '../../lib/xds/local-reports';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { GrpcService, XdsServer } from '../../lib/xds/server';
import type { AuthenticatedCall, Logger } from '../../lib/xds/source';
import type { Citadel } from './citadel';
import { hostAt, REPLICA_PORT, readyReplicas, replicasOf, revisionsOf } from './replica-addresses';
import { type ReplicaStatus, readReplicaStatus } from './status';

export interface ReplicasOptions {
  /** Of the control plane. */
  readonly namespace: () => string;
  /** Which of the namespace's control planes this is. Default: `default`. */
  readonly revision?: string;
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
  readonly name: string;
  readonly local: ProxyReports;
  private readonly asking: ReplicaReports[] = [];
  private statuses: ReplicaStatuses<ReplicaStatus> | undefined;

  constructor(private readonly options: ReplicasOptions) {
    const { source, xds } = options;
    this.name = process.env.POD_NAME ?? controlPlaneName(options.revision);
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
      // Also one of another revision: one leads them all, and asks them all.
      const isOfMesh = identity.namespace === namespace() && isControlPlaneName(identity.serviceAccount);
      if (kind === 'certificate' && isOfMesh) return;
      throw new Error(`${formatIdentity(identity)} is no control plane of this mesh`);
    };
    const { replica, name, local: reports } = this;
    return reportService({ replica, name, status, objects, reports, authorize, clock: systemClock, log });
  }

  /**
   * What all replicas have to say, for the one that leads: of all revisions about objects that are for all, of this one about those
   * that are for it alone.
   */
  reports(
    leadership: Leadership,
    citadel: Pick<Citadel, 'identity'>,
    of: { readonly revision: 'every' | 'own' },
  ): ReplicaReports {
    const { namespace, revision, source, log } = this.options;
    const reports = new ReplicaReports({
      replica: this.replica,
      local: this.local,
      addresses: () =>
        (of.revision === 'own' ? [revision] : this.revisions()).flatMap((each) =>
          source.world ? readyReplicas(source.world, namespace(), each) : [],
        ),
      subscribe: (onChange) => source.subscribe(onChange),
      watch: (address, ...listeners) =>
        watchReports(() => citadel.identity(), this.hostOf(address))(address, ...listeners),
      leadership,
      clock: systemClock,
      log,
    });
    this.asking.push(reports);
    return reports;
  }

  /** From now on it is one of several, and asks the others when somebody wants to know how it goes in all of them. */
  join(citadel: Pick<Citadel, 'identity'>): void {
    this.statuses = new ReplicaStatuses({
      name: process.env.POD_NAME,
      addresses: () => this.addresses(),
      ask: (address) => askReplica(this.replica, () => citadel.identity(), this.hostOf(address))(address),
      read: readReplicaStatus,
    });
  }

  /** How it goes in the other replicas; there are none where this one is alone. */
  async others(): Promise<readonly ReplicaAnswer<ReplicaStatus>[]> {
    if (!this.statuses) return [];
    const { namespace, revision } = this.options;
    const address = `${controlPlaneHost(namespace(), revision)}:${REPLICA_PORT}`;
    // This replica itself is one of them, so none means that they are not known.
    if (this.addresses().length > 0) return this.statuses.ofOthers();
    return [{ name: controlPlaneName(revision), address, error: UNKNOWN }];
  }

  private revisions(): (string | undefined)[] {
    const { source, namespace, revision } = this.options;
    return source.world ? revisionsOf(source.world, namespace(), revision) : [revision];
  }

  /** Of the replicas of all revisions. */
  private addresses(): readonly ReplicaAddress[] {
    const { source, namespace } = this.options;
    return this.revisions().flatMap((each) => (source.world ? replicasOf(source.world, namespace(), each) : []));
  }

  private hostOf(address: string): string {
    const { source, namespace, revision } = this.options;
    return hostAt(source.world, namespace(), address, revision);
  }

  /** Asks nobody any more. */
  close(): void {
    for (const reports of this.asking) reports.close();
  }
}

const UNKNOWN = 'the Service of the control plane has no endpoints, so no other replica is known';
