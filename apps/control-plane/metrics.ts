/** The control plane's own metrics, in Prometheus' format. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ObservedCalls } from '../../lib/mixer/observed-calls';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { Type, XdsObserver } from '../../lib/xds/source';
import { METRICS } from './metric-names';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 5, 10, 20, 30];
const BYTES = [1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000];

/** Istio's names of the types. */
const SHORT: Record<Type, string> = {
  clusters: 'cds',
  endpoints: 'eds',
  listeners: 'lds',
  routes: 'rds',
  secrets: 'sds',
};

export interface Metrics {
  readonly observer: XdsObserver;
  countLogEntries(entries: number): void;
  /** All metrics as text. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** A registry of its own, so that several control planes may live in one process. */
export function createMetrics(source: MeshSource, calls: ObservedCalls, version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const connections = new Gauge({ ...described(METRICS.connections), registers });
  const pushes = new Counter({ ...described(METRICS.pushes), registers });
  const pushBytes = new Histogram({ ...described(METRICS.pushBytes), buckets: BYTES, registers });
  const rejects = new Counter({ ...described(METRICS.rejects), registers });
  const convergence = new Histogram({ ...described(METRICS.convergence), buckets: SECONDS, registers });
  const acknowledgement = new Histogram({ ...described(METRICS.acknowledgement), buckets: SECONDS, registers });
  const refused = new Counter({ ...described(METRICS.refused), registers });
  const logEntries = new Counter({ ...described(METRICS.logEntries), registers });
  new Gauge({ ...described(METRICS.build), registers }).set({ component: 'pilot', tag: version }, 1);

  // What others know is read when it is asked for.
  const read = (metric: { name: string; help: string }, value: () => number) =>
    new Gauge({
      ...described(metric),
      registers,
      collect() {
        this.set(value());
      },
    });
  read(METRICS.generation, () => source.configuration.generation);
  read(METRICS.objects, () => source.configuration.objects);
  read(METRICS.isStale, () => Number(source.configuration.state === 'stale'));
  read(METRICS.calls, () => calls.size);
  read(METRICS.callsDropped, () => calls.dropped);
  new Gauge({
    ...described(METRICS.findings),
    registers,
    collect() {
      const { findings } = source;
      for (const level of ['error', 'warning', 'info']) {
        this.set({ level }, findings.filter((finding) => finding.level === level).length);
      }
    },
  });

  return {
    observer: {
      connected: (count) => connections.set(count),
      disconnected: (count) => connections.set(count),
      pushed(type, bytes) {
        pushes.inc({ type: SHORT[type] });
        pushBytes.observe({ type: SHORT[type] }, bytes);
      },
      acknowledged: (type, seconds) => acknowledgement.observe({ type: SHORT[type] }, seconds),
      rejected: (type) => rejects.inc({ type: SHORT[type] }),
      converged: (seconds) => convergence.observe(seconds),
      refused: (reason) => refused.inc({ reason }),
    },
    countLogEntries: (entries) => logEntries.inc(entries),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function described({ name, help, labels = [] }: { name: string; help: string; labels?: readonly string[] }) {
  return { name, help, labelNames: [...labels] };
}
