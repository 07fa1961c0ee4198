/** One measured number, and how it stands to its goal. */
import CliTable from 'cli-table3';

export interface Measurement {
  part: string;
  name: string;
  value: number;
  unit: string;
  /** The most it should be, in the same unit; numbers without a goal are there to be read. */
  goal?: number;
  ok?: boolean;
}

/** A part of the benchmark: what it measures, and how. */
export interface Part {
  readonly name: string;
  readonly about: string;
  /** Reports progress by `say`, one line at a time. */
  run(say: (line: string) => void): Promise<Measurement[]>;
}

export function measured(part: string, name: string, value: number, unit: string, goal?: number): Measurement {
  const rounded = Number(value.toPrecision(4));
  return { part, name, value: rounded, unit, ...(goal !== undefined && { goal, ok: rounded <= goal }) };
}

/** The value below which that share of the values lies (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export function tableOf(measurements: readonly Measurement[]): string {
  const table = new CliTable({
    head: ['part', 'name', 'value', 'unit', 'goal', 'ok'],
    style: { head: [], border: [] },
  });
  for (const { part, name, value, unit, goal, ok } of measurements) {
    table.push([
      part,
      name,
      { content: String(value), hAlign: 'right' },
      unit,
      goal === undefined ? '' : `≤ ${goal}`,
      ok === undefined ? '' : ok ? 'yes' : 'NO',
    ]);
  }
  return table.toString();
}
