/**
 * Which patches a proxy gets. What distinguishes proxies is only the answer, so those without patches stay as they were,
 * and those with the same patches share the patched resources.
 */
import { RE2JS } from 're2js';
import type { EnvoyConfigObjectMatch, TrafficExtension, WasmPlugin } from '../../api';
import { type Extension, extensionKey, type Labels, type Proxy, type WorldView } from '../../world';
import { inPhaseOrder, patchesOfExtension } from './extension-patch';
import { type Compiled, type Patch, type PatchFailure, patchesOfFilter } from './patch';

export interface PatchView {
  /** Two views with equal keys are interchangeable. */
  readonly key: string;
  readonly type: Proxy['type'];
  readonly namespace: string;
  /** Of a gateway, by which Gateways are found; else empty. */
  readonly labels: Labels;
  /** The objects, by their keys, in the order of application, and the numbers of those of their patches that count. */
  readonly sources: readonly { readonly object: string; readonly indices: readonly number[] }[];
}

/** Undefined where nothing changes the proxy. */
export function patchViewOf(world: WorldView, proxy: Proxy): PatchView | undefined {
  const objects = inOrder(world.extensions(proxy.namespace, proxy.labels));
  if (objects.length === 0) return undefined;
  const sources = objects.flatMap((object) => {
    const indices = compiled(object).flatMap((each, index) => (each && isFor(each, proxy) ? [index] : []));
    return indices.length > 0 ? [{ object: extensionKey(object), indices }] : [];
  });
  if (sources.length === 0) return undefined;
  const { type, namespace } = proxy;
  const labels = type === 'router' ? proxy.labels : {};
  return { key: JSON.stringify([type, namespace, labels, sources]), type, namespace, labels, sources };
}

export interface Patches {
  readonly patches: readonly Patch[];
  readonly failures: readonly PatchFailure[];
}

/** The patches themselves, read anew from the World. */
export function patchesOf(world: WorldView, { sources }: PatchView): Patches {
  const all = sources.flatMap(({ object, indices }) => {
    const found = world.extension(object);
    const each = found ? compiled(found) : [];
    return indices.flatMap((index) => each[index] ?? []);
  });
  return {
    patches: all.filter((each): each is Patch => !('error' in each)),
    failures: all.filter((each): each is PatchFailure => 'error' in each),
  };
}

function inOrder(objects: readonly Extension[]): Extension[] {
  const filters = objects.filter(({ kind }) => kind === 'EnvoyFilter');
  const others = objects.filter(({ kind }) => kind !== 'EnvoyFilter') as (TrafficExtension | WasmPlugin)[];
  return [...inPhaseOrder(others), ...filters];
}

/** By the identity of the object: what it says does not depend on who asks. */
const memory = new WeakMap<Extension, readonly (Compiled | undefined)[]>();

function compiled(object: Extension): readonly (Compiled | undefined)[] {
  const known = memory.get(object);
  if (known) return known;
  const source = extensionKey(object);
  const made =
    object.kind === 'EnvoyFilter'
      ? patchesOfFilter(object, source)
      : patchesOfExtension(object as TrafficExtension | WasmPlugin, source);
  memory.set(object, made);
  return made;
}

function isFor(compiledPatch: Compiled, proxy: Proxy): boolean {
  if ('error' in compiledPatch) return true;
  const { context = 'ANY', proxy: wanted } = compiledPatch.match;
  if (context === 'WAYPOINT' || (context === 'GATEWAY') !== (proxy.type === 'router' && context !== 'ANY'))
    return false;
  return !wanted || isWanted(wanted, proxy);
}

/** What a proxy does not say of itself does not meet what is asked of it. */
function isWanted({ proxyVersion, metadata }: NonNullable<EnvoyConfigObjectMatch['proxy']>, proxy: Proxy): boolean {
  const told = proxy.metadata ?? {};
  if (proxyVersion) {
    const version = typeof told['ISTIO_VERSION'] === 'string' ? told['ISTIO_VERSION'] : proxy.envoyVersion;
    if (version === undefined || !finds(proxyVersion, version)) return false;
  }
  return Object.entries(metadata ?? {}).every(([key, value]) => told[key] === value);
}

/** Found anywhere in the version. Galley has refused what is no expression of RE2. */
function finds(expression: string, version: string): boolean {
  try {
    return RE2JS.compile(expression).matcher(version).find();
  } catch {
    return false;
  }
}
