/** What the replicas of one control plane tell each other of their proxies. Wiring only; the parts are in lib/controllers. */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../lib/api/object';
import { controlPlaneHost, controlPlaneName, isControlPlaneName } from '../../lib/api/revisions';
import {
  type ReplicaAddress,
  type ReplicaAnswer,
  ReplicaAnswers,
  type Topic,
} from '../../lib/controllers/replica-answers';
import { ReplicaReports } from '../../lib/controllers/replica-reports';
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

export interface ReplicasOptions {
  /** Of this process: {@link newReplicaId}. */
  readonly replica: string;
  /** Of the control plane. */
  readonly namespace: () => string;
  /** Which of the namespace's control planes this is. Default: `default`. */
  readonly revision?: string;
  readonly source: MeshSource;
  readonly xds: () => XdsServer | undefined;
  readonly objects: () => readonly KubeObject[];
  /** What each of them answers to the others. */
  readonly topics: readonly Topic<unknown>[];
  readonly log: Logger;
}

/** Names this process among all replicas there ever are. */
export const newReplicaId = (): string => randomUUID();

export class Replicas {
  /** Its Pod's, where it is one. */
  readonly name: string;
  readonly local: ProxyReports;
  private readonly asking: ReplicaReports[] = [];
  private answers: ReplicaAnswers | undefined;
  private known: ReadonlySet<string> = new Set();
  private goneAt: Date | undefined;
  private stopWatching = () => {};

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
    const { replica, namespace, objects, topics, log } = this.options;
    const authorize = async (call: AuthenticatedCall) => {
      const { identity, kind } = await callerOf(call);
      // Also one of another revision: one leads them all, and asks them all.
      const isOfMesh = identity.namespace === namespace() && isControlPlaneName(identity.serviceAccount);
      if (kind === 'certificate' && isOfMesh) return;
      throw new Error(`${formatIdentity(identity)} is no control plane of this mesh`);
    };
    const { name, local: reports } = this;
    return reportService({ replica, name, topics, objects, reports, authorize, clock: systemClock, log });
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
    const { replica, namespace, revision, source, log } = this.options;
    const reports = new ReplicaReports({
      replica,
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

  /** From now on it is one of several, and asks the others what they alone know when somebody wants to know it of all. */
  join(citadel: Pick<Citadel, 'identity'>): void {
    const { replica, source } = this.options;
    this.answers = new ReplicaAnswers({
      name: process.env.POD_NAME,
      addresses: () => this.addresses(),
      ask: askReplica(
        replica,
        () => citadel.identity(),
        (address) => this.hostOf(address),
      ),
    });
    this.look();
    this.stopWatching = source.subscribe(() => this.look());
  }

  /** What the other replicas answer; there are none where this one is alone. */
  async others<Answer>(topic: Topic<Answer>, parameter = ''): Promise<readonly ReplicaAnswer<Answer>[]> {
    if (!this.answers) return [];
    const { namespace, revision } = this.options;
    const address = `${controlPlaneHost(namespace(), revision)}:${REPLICA_PORT}`;
    // This replica itself is one of them, so none means that they are not known.
    if (this.addresses().length > 0) return this.answers.ofOthers(topic, parameter);
    return [{ name: controlPlaneName(revision), address, error: UNKNOWN }];
  }

  /** What all replicas answer, this one first. */
  async all<Answer>(topic: Topic<Answer>, parameter = ''): Promise<readonly ReplicaAnswer<Answer>[]> {
    const others = await this.others(topic, parameter);
    return [{ name: this.name, answer: topic.answer(parameter) }, ...others];
  }

  /** When one of them was last seen to go: what it alone knew is lost. */
  get gone(): Date | undefined {
    return this.goneAt;
  }

  private look(): void {
    const now = new Set(this.addresses().map(({ name, address }) => name ?? address));
    if ([...this.known].some((name) => !now.has(name))) this.goneAt = new Date();
    this.known = now;
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
    this.stopWatching();
    for (const reports of this.asking) reports.close();
  }
}

const UNKNOWN = 'the Service of the control plane has no endpoints, so no other replica is known';
