/**
 * When to look at what should stand on objects: after each World, after proxies have answered, and after somebody has
 * written a status. Looking is cheap, but for large meshes not free; it waits for what comes together, and longer where it took long.
 */
import { meshGroups } from '../api/kinds';
import { groupOf, type KubeObject } from '../api/object';
import type { Leadership } from '../discovery/kubernetes';
import type { Standing } from '../discovery/kubernetes/resource';
import { isNamed, isValid, validate } from '../galley';
import { ingressStatuses, type World } from '../world';
import type { ProxyReports } from '../xds/local-reports';
import { gatewayApiStatuses, refusedStatus } from './gateway-api-status';
import { istioStatus } from './istio-status';
import { StatusWriter, type StatusWriterOptions } from './status-writer';
import { INGRESSES, statusResourceOf, type WantedStatus } from './wanted-status';

/** What is known of a cluster. */
export interface ObservedCluster {
  /** All objects as they came, also those that are not in force. */
  objects(): readonly KubeObject[];
  world(): World | undefined;
  /** What stands on an object; undefined when it is gone. */
  standing(object: KubeObject): Standing | undefined;
  /** Calls `onChange` when any of it may be another; returns how to stop. */
  subscribe(onChange: () => void): () => void;
}

export interface StatusControllerOptions extends Omit<StatusWriterOptions, 'onStale' | 'leadership'> {
  readonly leadership: Leadership;
  readonly cluster: ObservedCluster;
  readonly reports: ProxyReports;
  /** The time of day. Default: the system's. */
  readonly date?: () => Date;
}

/** What comes together is looked at together. */
const GATHER_MS = 200;
/** After it has become the leader, a replica waits for proxies to come back and say what they refuse. */
export const WARM_UP_MS = 5_000;

export class StatusController {
  private readonly writer: StatusWriter;
  private readonly stops: (() => void)[];
  private pending: (() => void) | undefined;
  private leaderSince: number | undefined;
  private isClosed = false;
  /** How long looking took the last time. */
  private cost = 0;

  constructor(private readonly options: StatusControllerOptions) {
    const { cluster, reports, leadership } = options;
    const look = () => this.later();
    this.writer = new StatusWriter({ ...options, onStale: look });
    this.stops = [cluster.subscribe(look), reports.subscribe(look), leadership.subscribe(look)];
    look();
  }

  /** How many objects wait to be written. */
  get waiting(): number {
    return this.writer.waiting;
  }

  close(): void {
    this.isClosed = true;
    for (const stop of this.stops) stop();
    this.pending?.();
    this.writer.close();
  }

  private later(): void {
    const { leadership, clock } = this.options;
    if (!leadership.isLeader()) {
      this.leaderSince = undefined;
      this.pending?.();
      this.pending = undefined;
      this.writer.replace([]);
      return;
    }
    this.leaderSince ??= clock.now();
    if (this.pending || this.isClosed) return;
    const warm = this.leaderSince + WARM_UP_MS - clock.now();
    this.pending = clock.after(Math.max(GATHER_MS, 10 * this.cost, warm), () => {
      this.pending = undefined;
      this.look();
    });
  }

  private look(): void {
    const { cluster, reports, leadership, clock, date = () => new Date() } = this.options;
    const world = cluster.world();
    if (!world || !leadership.isLeader()) return;
    const started = clock.now();
    const now = date()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
    this.writer.replace(wantedStatuses(cluster, world, reports.now(), now));
    this.cost = clock.now() - started;
  }
}

/** Of all objects of the mesh, of the Gateway API, and of Ingresses that are served. */
export function wantedStatuses(
  cluster: Pick<ObservedCluster, 'objects' | 'standing'>,
  world: World,
  report: ReturnType<ProxyReports['now']>,
  now: string,
): WantedStatus[] {
  const standing = (object: KubeObject) => cluster.standing(object)?.status;
  const ofGatewayApi = gatewayApiStatuses(world, { report, standing, now });
  const ofIngresses = ingressStatuses(world);
  return cluster.objects().flatMap((object): WantedStatus[] => {
    const known = isNamed(object) && statusResourceOf(object) ? cluster.standing(object) : undefined;
    if (!known) return [];
    const status = () => {
      if (statusResourceOf(object) === INGRESSES) return ofIngresses.get(object);
      if (meshGroups.has(groupOf(object))) {
        return istioStatus(object, { findings: validate(object), report: report(object), standing: known.status, now });
      }
      if (isValid(object)) return ofGatewayApi.get(object);
      const errors = validate(object).filter(({ level }) => level === 'error');
      return refusedStatus(object, errors, world, { standing, now });
    };
    const wanted = status();
    return wanted ? [{ object, status: wanted, standing: known }] : [];
  });
}
