/** One change to a proxy's resources, as the EnvoyFilter of a user says it, checked and in canonical form. */
import type { EnvoyConfigObjectMatch, EnvoyFilter, WasmTrafficSelector } from '../../api';
import { canonical } from '../../envoy/canonical';
import { isPatched, PATCHED_MESSAGES, type Patched } from '../../world';

export type Operation =
  | 'MERGE'
  | 'MERGE_AND_REPLACE_LIST'
  | 'ADD'
  | 'REMOVE'
  | 'INSERT_FIRST'
  | 'INSERT_BEFORE'
  | 'INSERT_AFTER'
  | 'REPLACE';

/** Before which filters of ours an added one goes; `chain-order.ts` has the filters. */
export type Place = 'BEFORE_AUTHN' | 'BEFORE_AUTHZ' | 'AFTER_AUTHZ' | 'LAST';

export interface Patch {
  /** The object, `EnvoyFilter/shop/lua`, and the path within it. */
  readonly source: string;
  readonly path: string;
  readonly applyTo: Patched;
  readonly operation: Operation;
  readonly match: EnvoyConfigObjectMatch;
  /** In canonical form; empty where there is none. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Where an HTTP filter that is added goes. Default: last, before the router. */
  readonly place?: Place;
  /** The traffic that a filter of an extension sees. Default: all. */
  readonly traffic?: readonly WasmTrafficSelector[];
  /** The filter's configuration is a resource of its own, which comes to the proxy as such. Default: it is in the patch. */
  readonly isDiscovered?: boolean;
}

/** A patch, or why it is none. */
export type Compiled = Patch | PatchFailure;

export interface PatchFailure {
  readonly source: string;
  readonly path: string;
  readonly applyTo: Patched;
  readonly error: Error;
}

const PLACES: Record<string, Place> = { AUTHN: 'BEFORE_AUTHZ', AUTHZ: 'AFTER_AUTHZ', STATS: 'LAST' };

/** The patches of an EnvoyFilter, each at its own index; undefined where an entry is of what no proxy gets from here. */
export function patchesOfFilter({ spec }: EnvoyFilter, source: string): readonly (Compiled | undefined)[] {
  return (spec?.configPatches ?? []).map(({ applyTo, match = {}, patch }, index) => {
    const path = `spec.configPatches[${index}]`;
    const operation = patch?.operation;
    if (!isPatched(applyTo) || !operation || operation === 'INVALID') return undefined;
    try {
      const value = operation === 'REMOVE' ? {} : canonical(PATCHED_MESSAGES[applyTo], patch.value ?? {});
      const place = PLACES[patch.filterClass ?? ''];
      return { source, path, applyTo, operation, match, value, ...(place && { place }) };
    } catch (error) {
      return { source, path: `${path}.patch.value`, applyTo, error: error as Error };
    }
  });
}
