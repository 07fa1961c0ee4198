/**
 * How many series a service brings to Prometheus, known before it runs: from the calls that are declared, and from how many
 * instances and versions there are on both sides. Each pair of proxies and workloads has its own label sets, and each kind of answer
 * (a status with the proxy's flags) once more. What clients send is in no label, so nothing else can make more of them.
 */
import type { KubeObject } from '../api/object';
import type { WorldView } from '../world';
import { declaredCalls } from './declared-calls';
import { Directory, type Entry } from './directory';

/** A counter of requests, and three histograms of 20 buckets, a sum and a count. */
export const HTTP_SERIES = 1 + 3 * 22;
/** Opened and closed connections, bytes there and back. */
export const TCP_SERIES = 4;

export interface SeriesBudget {
  /** `NAMESPACE/NAME` */
  readonly service: string;
  /** Of one kind of answer, of all its instances and those of its callers. */
  readonly perAnswer: number;
}

/** Of each service that somebody is declared to call, sorted by name. A service is never less than its HTTP ports make it. */
export function seriesBudgets(world: WorldView, objects: readonly KubeObject[]): SeriesBudget[] {
  const directory = new Directory(world, objects);
  const replicas = replicasOf(objects);
  const callers = new Map<Entry, Set<Entry>>();
  for (const { source, target } of declaredCalls(world, objects, directory)) {
    if (target.instances.length === 0) continue;
    callers.set(target, (callers.get(target) ?? new Set()).add(source));
  }
  return [...callers]
    .map(([service, from]) => ({ service: service.id, perAnswer: budgetOf(world, service, [...from], replicas) }))
    .sort((a, b) => (a.service < b.service ? -1 : 1));
}

function budgetOf(world: WorldView, service: Entry, callers: readonly Entry[], replicas: Replicas): number {
  const own = workloads(service);
  // The caller's proxies tell apart the workloads of the callee, and the other way round.
  const labelSets = callers.reduce(
    (sum, caller) => sum + instances(caller, replicas) * own + instances(service, replicas) * workloads(caller),
    0,
  );
  return labelSets * (isHttp(world, service) ? HTTP_SERIES : TCP_SERIES);
}

/** By `NAMESPACE/NAME` of whatever makes Pods. */
type Replicas = ReadonlyMap<string, number>;

/** As many as are asked for; where an autoscaler decides, as many as it may make. */
function replicasOf(objects: readonly KubeObject[]): Replicas {
  const replicas = new Map<string, number>();
  const atLeast = (key: string, count = 1) => replicas.set(key, Math.max(count, replicas.get(key) ?? 0));
  for (const { kind, metadata, spec } of objects as readonly KubeObject<Scaled>[]) {
    const namespace = metadata.namespace ?? 'default';
    if (kind === 'Deployment' || kind === 'StatefulSet') atLeast(`${namespace}/${metadata.name}`, spec?.replicas);
    if (kind !== 'HorizontalPodAutoscaler' || !spec?.scaleTargetRef) continue;
    atLeast(`${namespace}/${spec.scaleTargetRef.name}`, spec.maxReplicas);
  }
  return replicas;
}

interface Scaled {
  readonly replicas?: number;
  readonly maxReplicas?: number;
  readonly scaleTargetRef?: { readonly name: string };
}

function instances({ instances: pods }: Entry, replicas: Replicas): number {
  const byWorkload = new Map<string, number>();
  for (const { namespace, workload } of pods) {
    const key = `${namespace}/${workload}`;
    byWorkload.set(key, (byWorkload.get(key) ?? 0) + 1);
  }
  return [...byWorkload].reduce((sum, [key, count]) => sum + Math.max(count, replicas.get(key) ?? 0), 0);
}

function workloads({ instances }: Entry): number {
  return new Set(instances.map(({ workload }) => workload)).size;
}

function isHttp(world: WorldView, { host, instances }: Entry): boolean {
  const [first] = instances;
  const services = first ? world.servicesOfWorkload(first.namespace, first.labels) : [];
  const ports = services.filter(({ hostname }) => hostname === host).flatMap((service) => service.ports);
  return ports.length === 0 || ports.some(({ protocol }) => protocol !== 'TCP' && protocol !== 'TLS');
}

/** One line for whoever synthesizes; undefined where nobody is declared to call anybody. */
export function budgetLine(budgets: readonly SeriesBudget[]): string | undefined {
  if (budgets.length === 0) return undefined;
  const most = budgets.reduce((a, b) => (b.perAnswer > a.perAnswer ? b : a));
  const all = budgets.reduce((sum, { perAnswer }) => sum + perAnswer, 0);
  const count = `${budgets.length} ${budgets.length === 1 ? 'service' : 'services'}`;
  return (
    `metrics: for each kind of answer at most ${most.perAnswer} series a service (${most.service}), ` +
    `${all} for all ${count}`
  );
}
