/**
 * Objectives of a service, and the rules by which Prometheus tells that their error budget burns too fast: several windows
 * and rates, as chapter 5 of the SRE workbook has them (https://sre.google/workbook/alerting-on-slos).
 */
import type { Duration, Percent } from '../units';

/** What a service promises its callers, over 30 days. */
export interface Objectives {
  /** The share of requests that are not answered by 5xx. */
  readonly availability?: Percent;
  /** The share of requests that are answered in time. */
  readonly latency?: { readonly within: Duration; readonly share: Percent };
}

/** The times by which Envoy sorts durations, in milliseconds: objectives can be told only at these. */
export const LATENCY_STEPS: readonly number[] = [
  1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
];

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** How fast the budget of 30 days may burn, over a long window, while a short one says that it still does. */
const BURN_RATES = [
  { rate: 14.4, long: '1h', short: '5m', severity: 'page' },
  { rate: 6, long: '6h', short: '30m', severity: 'page' },
  { rate: 3, long: '1d', short: '2h', severity: 'ticket' },
  { rate: 1, long: '3d', short: '6h', severity: 'ticket' },
] as const;

const WINDOWS = [...new Set(BURN_RATES.flatMap(({ long, short }) => [short, long]))];

/** The rules for a service. @param host its complete name. */
export function objectiveRules(host: string, { availability, latency }: Objectives): RuleGroup[] {
  const requests = `reporter="source",destination_service="${host}"`;
  const total = (window: string) => `sum(rate(istio_requests_total{${requests}}[${window}]))`;
  const failed = (window: string) => `sum(rate(istio_requests_total{${requests},response_code=~"5..|0"}[${window}]))`;
  const groups: RuleGroup[] = [];
  if (availability) {
    groups.push(
      burning(
        host,
        'availability',
        availability,
        (window) => `(${failed(window)} or 0 * ${total(window)}) / ${total(window)}`,
      ),
    );
  }
  if (latency) {
    const name = 'istio_request_duration_milliseconds';
    // Prometheus 3 writes the bounds of buckets with a decimal.
    const le = `le=~"${latency.within.toMilliseconds()}(\\\\.0)?"`;
    const all = (window: string) => `sum(rate(${name}_count{${requests}}[${window}]))`;
    const inTime = (window: string) => `sum(rate(${name}_bucket{${requests},${le}}[${window}]))`;
    groups.push(burning(host, 'latency', latency.share, (window) => `1 - ${inTime(window)} / ${all(window)}`));
  }
  return groups;
}

function burning(host: string, objective: string, promised: Percent, errors: (window: string) => string): RuleGroup {
  const budget = (100 - promised.value) / 100;
  const recorded = (window: string) => `malha:${objective}_errors:ratio_rate${window}`;
  const labels = { destination_service: host };
  const value = (window: string) => `${recorded(window)}{destination_service="${host}"}`;
  return {
    name: `objective-${objective}-${host}`,
    rules: [
      ...WINDOWS.map((window) => ({ record: recorded(window), expr: errors(window), labels })),
      ...BURN_RATES.map(({ rate, long, short, severity }) => {
        const limit = Number((rate * budget).toPrecision(6));
        return {
          alert: 'ErrorBudgetBurn',
          expr: `${value(long)} > ${limit} and ${value(short)} > ${limit}`,
          labels: { severity, objective, long_window: long, destination_service: host },
          annotations: {
            summary: `${host} burns its error budget of ${objective} ${rate} times too fast`,
            description: `Promised: ${promised.value} %. Over ${long}, {{ $value | humanizePercentage }} of requests fell short.`,
          },
        };
      }),
    ],
  };
}

/** No promise leaves no budget to burn. */
export function isPromise(share: Percent): boolean {
  return share.value < 100;
}
