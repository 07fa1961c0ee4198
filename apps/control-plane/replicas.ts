/** What the replicas of one control plane tell each other of their proxies. Wiring only; the parts are in lib/controllers. */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../lib/api/object';
import { ReplicaReports } from '../../lib/controllers/replica-reports';
import { watchReports } from '../../lib/controllers/report-client';
import { reportService } from '../../lib/controllers/report-service';
import type { Leadership } from '../../lib/discovery/kubernetes';
import { systemClock } from '../../lib/discovery/kubernetes/watch';
import { formatIdentity, type World } from '../../lib/world';
import { LocalReports, type ProxyReports } from '../../lib/xds/local-reports';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { GrpcService, XdsServer } from '../../lib/xds/server';
import type { AuthenticatedCall, Logger } from '../../lib/xds/source';
import type { Citadel } from './citadel';

/** The name of the control plane's Service and ServiceAccount. */
const CONTROL_PLANE = 'malha-control-plane';
const PORT = 15012;

export interface ReplicasOptions {
  /** Of the control plane. */
  readonly namespace: () => string;
  readonly source: MeshSource;
  readonly xds: () => XdsServer | undefined;
  readonly objects: () => readonly KubeObject[];
  readonly log: Logger;
}

export class Replicas {
  private readonly replica = randomUUID();
  readonly local: ProxyReports;
  private readonly asking: ReplicaReports[] = [];

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
    const { namespace, objects, log } = this.options;
    const authorize = async (call: AuthenticatedCall) => {
      const { identity, kind } = await callerOf(call);
      if (kind === 'certificate' && identity.namespace === namespace() && identity.serviceAccount === CONTROL_PLANE)
        return;
      throw new Error(`${formatIdentity(identity)} is no control plane of this mesh`);
    };
    return reportService({ replica: this.replica, objects, reports: this.local, authorize, clock: systemClock, log });
  }

  /** What all replicas have to say, for the one that leads. */
  reports(leadership: Leadership, citadel: Pick<Citadel, 'identity'>): ReplicaReports {
    const { namespace, source, log } = this.options;
    const reports = new ReplicaReports({
      replica: this.replica,
      local: this.local,
      addresses: () => (source.world ? readyReplicas(source.world, namespace()) : []),
      subscribe: (onChange) => source.subscribe(onChange),
      watch: watchReports(() => citadel.identity(), `${CONTROL_PLANE}.${namespace()}.svc.cluster.local`),
      leadership,
      clock: systemClock,
      log,
    });
    this.asking.push(reports);
    return reports;
  }

  /** Asks nobody any more. */
  close(): void {
    for (const reports of this.asking) reports.close();
  }
}

/** Of every replica that is ready. */
export function readyReplicas({ inventory }: World, namespace: string): string[] {
  const slices = inventory.slices.get(`${namespace}/${CONTROL_PLANE}`) ?? [];
  const ready = slices.flatMap(({ addressType, endpoints }) =>
    (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.map((address) => (addressType === 'IPv6' ? `[${address}]` : address))),
  );
  return [...new Set(ready)].sort().map((address) => `${address}:${PORT}`);
}
