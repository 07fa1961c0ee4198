/** Which patches and extensions hold for a workload, and in which order. */
import type { EnvoyFilter, TrafficExtension, WasmPlugin } from '../api';
import type { KubeObject } from '../api/object';
import { compareText, oldestFirst } from './age';
import { namesWorkload } from './authorization';
import { nameKey, partsOfName } from './inventory';
import { type Labels, selects } from './labels';
import { partsOf, type Table, table } from './reads';
import type { World } from './world';

/** Objects that change the filters of proxies. */
export type Extension = EnvoyFilter | TrafficExtension | WasmPlugin;

/**
 * By namespace and labels (as JSON) of a workload: TrafficExtensions and WasmPlugins, then EnvoyFilters; each of the root
 * namespace first. EnvoyFilters are ordered by priority, then by age.
 */
export const extensionsTable = table<readonly Extension[]>('extensions', (world, key) => {
  const [namespace, json] = partsOf(key, 2);
  if (world.inventory.extensions.size === 0) return none;
  const labels = JSON.parse(json) as Labels;
  const holding = [...new Set([world.mesh.rootNamespace, namespace])].flatMap((place) =>
    (world.inventory.extensions.get(place) ?? []).filter((each) => holdsFor(each, place === namespace, labels)),
  );
  return [
    ...holding.filter(({ kind }) => kind !== 'EnvoyFilter'),
    ...holding.filter(({ kind }) => kind === 'EnvoyFilter'),
  ];
});

/** By `Kind/namespace/name`. */
export const extensionTable: Table<Extension | undefined> = table('extension', (world: World, key) => {
  const [kind, name] = partsOfName(key);
  const [namespace] = partsOfName(name);
  return world.inventory.extensions.get(namespace)?.find((each) => extensionKey(each) === key && each.kind === kind);
});

/** `EnvoyFilter/shop/lua` */
export function extensionKey({ kind, metadata }: KubeObject): string {
  return `${kind}/${nameKey(metadata.namespace, metadata.name)}`;
}

/** EnvoyFilters by priority, smaller first; then by age. Others by age; what their priority means is the chain's business. */
export function extensionOrder(a: Extension, b: Extension): number {
  const first = a.kind === 'EnvoyFilter' ? (a.spec?.priority ?? 0) : 0;
  const second = b.kind === 'EnvoyFilter' ? (b.spec?.priority ?? 0) : 0;
  return first - second || oldestFirst(a, b) || compareText(a.kind, b.kind);
}

const none: readonly never[] = Object.freeze([]);

function holdsFor({ spec }: Extension, isNeighbour: boolean, labels: Labels): boolean {
  const { workloadSelector, selector, targetRef, targetRefs } = (spec ?? {}) as {
    workloadSelector?: { labels?: Labels };
    selector?: { matchLabels?: Labels };
    targetRef?: TargetRef;
    targetRefs?: readonly TargetRef[];
  };
  const targets = targetRefs?.length ? targetRefs : targetRef ? [targetRef] : [];
  if (targets.length > 0) return namesWorkload(targets, isNeighbour, labels);
  return selects(workloadSelector?.labels ?? selector?.matchLabels, labels);
}

type TargetRef = Parameters<typeof namesWorkload>[0][number];
