/**
 * A case of the golden tests: `NAME.in.yaml` holds objects; its first document says which proxy is meant and what
 * part of the result is worth reading. What a cluster would have added is made up.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../lib/api/object';
import type { Snapshot } from '../../lib/envoy/resource';
import { Translator } from '../../lib/pilot';
import { METRICS_LOGGER } from '../../lib/pilot/metrics';

import { type Capture, complete, type Proxy, proxyNamed, World } from '../../lib/world';

const FOLDER = join(__dirname, '../golden/pilot');

type ResourceType = keyof Snapshot;

interface CaseHeader {
  /** `NAME.NAMESPACE` */
  proxy: string;
  capture?: Capture;
  /** Which resources the output holds, by type; an entry narrows them to names that contain the text. Default: all. */
  show?: Partial<Record<ResourceType, string[]>>;
  /** Whether the loggers of metrics are written out. They are long, and alike everywhere. Default: only their names. */
  metrics?: boolean;
}

export interface GoldenCase {
  readonly header: CaseHeader;
  readonly objects: readonly KubeObject[];
  readonly outputFile: string;
}

export function goldenCases(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.in.yaml'))
    .map((file) => file.slice(0, -'.in.yaml'.length))
    .sort();
}

export function goldenCase(name: string): GoldenCase {
  const text = readFileSync(join(FOLDER, `${name}.in.yaml`), 'utf8');
  const [header, ...objects] = parseAllDocuments(text).map((document) => document.toJS() as unknown);
  return {
    header: header as CaseHeader,
    objects: complete((objects as (KubeObject | null)[]).filter((object) => object !== null)),
    outputFile: join(FOLDER, `${name}.out.yaml`),
  };
}

export function proxyOfCase(world: World, { header }: GoldenCase): Proxy {
  const proxy = proxyNamed(world, header.proxy, { capture: header.capture });
  if (!proxy) throw new Error(`there is no proxy ${header.proxy}`);
  return proxy;
}

export function translateCase(golden: GoldenCase, translator = new Translator()): Snapshot {
  const world = World.of(golden.objects);
  const snapshot = translator.snapshot(world, proxyOfCase(world, golden));
  expect(translator.failures).toEqual([]);
  return snapshot;
}

/** The part of a snapshot that a case is about, as plain values. */
export function shown(snapshot: Snapshot, { show, metrics }: CaseHeader): Record<string, unknown[]> {
  const all: ResourceType[] = ['clusters', 'endpoints', 'listeners', 'routes', 'secrets'];
  const types = show ? (Object.keys(show) as ResourceType[]) : all;
  return Object.fromEntries(
    types.map((type) => {
      const texts = show?.[type] ?? [];
      const chosen = (snapshot[type] ?? []).filter(
        ({ name }) => texts.length === 0 || texts.some((text) => name.includes(text)),
      );
      return [type, chosen.map(({ message }) => (metrics ? message : withoutMetrics(message)) as unknown)];
    }),
  );
}

function withoutMetrics(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMetrics);
  if (typeof value !== 'object' || value === null) return value;
  const { name, filter } = value as { name?: unknown; filter?: unknown };
  if (name === METRICS_LOGGER) return { name, ...(filter !== undefined && { filter }) };
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withoutMetrics(field)]));
}
