/** The control plane's own metrics, in Prometheus' format. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type KubeObject, objectName } from '../../lib/api/object';
import type { ObservedCalls } from '../../lib/mixer/observed-calls';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { Type, XdsObserver } from '../../lib/xds/source';
import { METRICS, type MetricName } from './metric-names';
import { groupOf, isOfMesh, ObjectEvents, triggerOf } from './object-events';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 5, 10, 20, 30];
const PUSH_SECONDS = [0.001, 0.005, 0.01, 0.1, 0.5, 1, 3, 5, 10];
const BYTES = [1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000];

/** Istio's names of the types. */
const SHORT: Record<Type, string> = {
  clusters: 'cds',
  endpoints: 'eds',
  listeners: 'lds',
  scopes: 'srds',
  routes: 'rds',
  secrets: 'sds',
  extensions: 'ecds',
};

export interface Metrics {
  readonly observer: XdsObserver;
  /** For what belongs to others. */
  readonly registry: Registry;
  countLogEntries(entries: number): void;
  /** Entries that were let go. */
  countLostLogEntries(entries: number): void;
  /** The registry was read again, and MeshSource has taken the objects in. */
  countObjects(objects: readonly KubeObject[]): void;
  /** The webhook gave a Pod a sidecar, or could not. */
  countInjection(succeeded: boolean): void;
  /** The image of a WebAssembly module was asked for. @param bytes of its layer that were read. */
  countPull(outcome: string, bytes: number): void;
  /** Somebody asked for a certificate. @param error the reason, where it was refused. */
  countCertificate(error?: string): void;
  /** All metrics as text. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** A registry of its own, so that several control planes may live in one process. */
export function createMetrics(source: MeshSource, calls: ObservedCalls, version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = (metric: MetricName) => new Counter({ ...described(metric), registers });
  const histogram = (metric: MetricName, buckets: number[]) =>
    new Histogram({ ...described(metric), buckets, registers });

  const connections = new Gauge({ ...described(METRICS.connections), registers });
  const pushes = counter(METRICS.pushes);
  const pushTime = histogram(METRICS.pushTime, PUSH_SECONDS);
  const pushBytes = histogram(METRICS.pushBytes, BYTES);
  const rejects = counter(METRICS.rejects);
  const convergence = histogram(METRICS.convergence, SECONDS);
  const acknowledgement = histogram(METRICS.acknowledgement, SECONDS);
  const refused = counter(METRICS.refused);
  const logEntries = counter(METRICS.logEntries);
  const logEntriesLost = counter(METRICS.logEntriesLost);
  const injected = counter(METRICS.injected);
  const injectionFailed = counter(METRICS.injectionFailed);
  const imagePulls = counter(METRICS.imagePulls);
  const imagePullBytes = counter(METRICS.imagePullBytes);
  const certificateRequests = counter(METRICS.certificateRequests);
  const certificatesIssued = counter(METRICS.certificatesIssued);
  const certificatesRefused = counter(METRICS.certificatesRefused);
  new Gauge({ ...described(METRICS.build), registers }).set({ component: 'pilot', tag: version }, 1);
  // A series that begins with its first error has no rate of that error.
  for (const type of Object.values(SHORT)) rejects.inc({ type }, 0);

  for (const outcome of ['failed', 'withheld']) imagePulls.inc({ outcome }, 0);

  // What others know is read when it is asked for.
  const read = (metric: MetricName, value: () => number) =>
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
    registry,
    observer: {
      connected: (count) => connections.set(count),
      disconnected: (count) => connections.set(count),
      pushed(type, bytes, seconds) {
        pushes.inc({ type: SHORT[type] });
        pushBytes.observe({ type: SHORT[type] }, bytes);
        pushTime.observe({ type: SHORT[type] }, seconds);
      },
      acknowledged: (type, seconds) => acknowledgement.observe({ type: SHORT[type] }, seconds),
      rejected: (type) => rejects.inc({ type: SHORT[type] }),
      converged: (seconds) => convergence.observe(seconds),
      refused: (reason) => refused.inc({ reason }),
    },
    countLogEntries: (entries) => logEntries.inc(entries),
    countLostLogEntries: (entries) => logEntriesLost.inc(entries),
    countObjects: objectCounters(source, counter),
    countInjection: (succeeded) => (succeeded ? injected : injectionFailed).inc(),
    countPull(outcome, bytes) {
      imagePulls.inc({ outcome });
      imagePullBytes.inc(bytes);
    },
    countCertificate(error) {
      certificateRequests.inc();
      if (error === undefined) certificatesIssued.inc();
      else certificatesRefused.inc({ error });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** Counts what has changed since the last time, and what Galley and the translator said of it. */
function objectCounters(source: MeshSource, counter: (metric: MetricName) => Counter): Metrics['countObjects'] {
  const triggers = counter(METRICS.triggers);
  const registryEvents = counter(METRICS.registryEvents);
  const configEvents = counter(METRICS.configEvents);
  const validated = counter(METRICS.validated);
  const invalid = counter(METRICS.invalid);
  const internalErrors = counter(METRICS.internalErrors);
  const events = new ObjectEvents();
  let untranslated = new Set<string>();
  return (objects) => {
    const changes = events.next(objects);
    if (changes.length === 0) return;
    triggers.inc({ type: triggerOf(changes) });
    const errors = new Map(
      source.findings.filter(({ level }) => level === 'error').map(({ resource, code }) => [resource, code]),
    );
    for (const { object, event } of changes) {
      const ofMesh = isOfMesh(object);
      (ofMesh ? configEvents : registryEvents).inc({ type: object.kind, event });
      if (!ofMesh || event === 'delete') continue;
      const reason = errors.get(objectName(object));
      const version = object.apiVersion.slice(groupOf(object).length + 1);
      const labels = { group: groupOf(object), version, resource: object.kind };
      if (reason === undefined) validated.inc(labels);
      else invalid.inc({ ...labels, reason });
    }
    const failures = source.findings
      .filter(({ code }) => code === 'MAL0016')
      .map(({ resource, message }) => `${resource} ${message}`);
    internalErrors.inc(failures.filter((failure) => !untranslated.has(failure)).length);
    untranslated = new Set(failures);
  };
}

function described({ name, help, labels = [] }: MetricName) {
  return { name, help, labelNames: [...labels] };
}
