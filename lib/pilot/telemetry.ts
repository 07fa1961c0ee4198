/** What the Telemetries say about a workload: those of the mesh, then of its namespace, then its own. */
import type { AccessLogging, CustomTag, MetricsOverrides, Telemetry } from '../api';
import { type Labels, selects, type WorldView } from '../world';
import { celFormat } from './cel-format';
import { providerNamed } from './providers';
import { STANDARD_METRICS, type StandardMetricName } from './standard-metrics';

/** The side of a request on which a proxy stands. */
export type TelemetryMode = 'CLIENT' | 'SERVER';

export interface EffectiveTracing {
  /** The name of the first provider, if any was named. */
  readonly provider?: string;
  readonly samplingPercentage?: number;
  readonly disabled?: boolean;
  readonly customTags?: Readonly<Record<string, CustomTag>>;
}

/** Later levels override earlier ones, field by field. */
export function effectiveTracing(
  world: WorldView,
  namespace: string,
  labels: Labels,
  mode: TelemetryMode,
): EffectiveTracing {
  let effective: EffectiveTracing = { provider: world.meshConfig().defaultProviders?.tracing?.[0] };
  for (const { spec } of levels(world, namespace, labels)) {
    for (const tracing of spec?.tracing ?? []) {
      if (!holdsFor(tracing.match?.mode, mode)) continue;
      effective = {
        provider: tracing.providers?.[0]?.name ?? effective.provider,
        samplingPercentage: tracing.randomSamplingPercentage ?? effective.samplingPercentage,
        disabled: tracing.disableSpanReporting ?? effective.disabled,
        customTags: tracing.customTags ?? effective.customTags,
      };
    }
  }
  return effective;
}

/** Where requests are logged, and which. */
export interface EffectiveLog {
  /** The provider's name. */
  readonly provider: string;
  /** A CEL expression: only requests for which it is true. Absent: all. */
  readonly expression?: string;
}

/** Undefined when nothing names any provider, so that `accessLogFile` counts. */
export function effectiveLogs(
  world: WorldView,
  namespace: string,
  labels: Labels,
  mode: TelemetryMode,
): readonly EffectiveLog[] | undefined {
  const defaults = world.meshConfig().defaultProviders?.accessLogging;
  let logs: readonly EffectiveLog[] | undefined = defaults?.length
    ? defaults.map((provider) => ({ provider }))
    : undefined;
  for (const { spec } of levels(world, namespace, labels)) {
    const entries = (spec?.accessLogging ?? []).filter((entry) => holdsFor(entry.match?.mode, mode));
    if (entries.length > 0) logs = logsOf(entries, logs);
  }
  return logs;
}

/** The entries of one level, together, take the place of what was inherited; an entry's filter is its own. */
function logsOf(entries: readonly AccessLogging[], inherited: readonly EffectiveLog[] | undefined): EffectiveLog[] {
  const logs = new Map<string, EffectiveLog>();
  for (const { providers, disabled, filter } of entries) {
    const names = providers?.map(({ name }) => name) ?? inherited?.map(({ provider }) => provider) ?? [BUILT_IN_LOG];
    for (const provider of names) {
      if (disabled) logs.delete(provider);
      else logs.set(provider, { provider, ...(filter?.expression && { expression: filter.expression }) });
    }
  }
  return [...logs.values()];
}

/** What is done with one metric. */
export interface EffectiveMetric {
  readonly disabled: boolean;
  /** Formats of tags to set, by name; undefined for tags to leave out. */
  readonly tags: Readonly<Record<string, string | undefined>>;
}

const PROMETHEUS = 'prometheus';
const UNCHANGED: EffectiveMetric = { disabled: false, tags: {} };

/**
 * The metrics that one side keeps; undefined when it keeps none. Overrides of all levels are applied in their order:
 * the later wins, metric by metric and tag by tag. What a proxy cannot evaluate leaves its tag as it was.
 */
export function effectiveMetrics(
  world: WorldView,
  namespace: string,
  labels: Labels,
  mode: TelemetryMode,
): ReadonlyMap<StandardMetricName, EffectiveMetric> | undefined {
  let providers: readonly string[] = world.meshConfig().defaultProviders?.metrics ?? [PROMETHEUS];
  const metrics = new Map<StandardMetricName, EffectiveMetric>(
    METRIC_NAMES.map((name) => [name, UNCHANGED] satisfies [StandardMetricName, EffectiveMetric]),
  );
  for (const { spec } of levels(world, namespace, labels)) {
    const entries = spec?.metrics ?? [];
    const named = entries.flatMap((entry) => entry.providers ?? []).map(({ name }) => name);
    if (named.length > 0) providers = named;
    for (const override of entries.flatMap((entry) => entry.overrides ?? [])) {
      const { metric = 'ALL_METRICS', customMetric, mode: side } = override.match ?? {};
      if (customMetric !== undefined || !holdsFor(side, mode)) continue;
      for (const name of METRIC_NAMES) {
        if (metric === 'ALL_METRICS' || metric === name) metrics.set(name, overridden(metrics.get(name)!, override));
      }
    }
  }
  return providers.some((name) => isPrometheus(world, name)) ? metrics : undefined;
}

const METRIC_NAMES = Object.keys(STANDARD_METRICS) as StandardMetricName[];

function isPrometheus(world: WorldView, name: string): boolean {
  const declared = providerNamed(world, name);
  return declared ? declared.prometheus !== undefined : name === PROMETHEUS;
}

function overridden(before: EffectiveMetric, { disabled, tagOverrides }: MetricsOverrides): EffectiveMetric {
  const tags = { ...before.tags };
  for (const [tag, { operation, value = '' }] of Object.entries(tagOverrides ?? {})) {
    if (operation === 'REMOVE') tags[tag] = undefined;
    else {
      const format = celFormat(value);
      if (format !== undefined) tags[tag] = format || undefined;
    }
  }
  return { disabled: disabled ?? before.disabled, tags };
}

/** The provider that needs no declaration: a text log on standard output. */
export const BUILT_IN_LOG = 'envoy';

/** Which Gateway of the Gateway API a gateway's Pods are of. */
const GATEWAY_LABEL = 'gateway.networking.k8s.io/gateway-name';

/** At most one per level: the oldest. */
function levels(world: WorldView, namespace: string, labels: Labels): Telemetry[] {
  const root = world.rootNamespace();
  const selectorOf = ({ spec }: Telemetry) => spec?.selector?.matchLabels ?? {};
  const refsOf = ({ spec }: Telemetry) => [...(spec?.targetRef ? [spec.targetRef] : []), ...(spec?.targetRefs ?? [])];
  const isGeneral = (telemetry: Telemetry) =>
    Object.keys(selectorOf(telemetry)).length === 0 && refsOf(telemetry).length === 0;
  const isFor = (telemetry: Telemetry) =>
    refsOf(telemetry).length > 0
      ? refsOf(telemetry).some(({ kind, name }) => kind === 'Gateway' && labels[GATEWAY_LABEL] === name)
      : selects(selectorOf(telemetry), labels);
  const own = world.telemetries(namespace);
  return [
    world.telemetries(root).find(isGeneral),
    namespace === root ? undefined : own.find(isGeneral),
    own.find((telemetry) => !isGeneral(telemetry) && isFor(telemetry)),
  ].filter((telemetry) => telemetry !== undefined);
}

function holdsFor(mode: string | undefined, side: TelemetryMode): boolean {
  return mode === undefined || mode === 'CLIENT_AND_SERVER' || mode === side;
}
