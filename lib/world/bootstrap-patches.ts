/**
 * Patches of bootstraps. Only who makes a bootstrap can apply them, and a proxy that runs keeps the one it has: its Pod has to be made
 * anew (https://istio.io/latest/docs/reference/config/networking/envoy-filter/#EnvoyFilter-ApplyTo, BOOTSTRAP).
 */
import type { EnvoyFilter } from '../api';
import type { Labels } from './labels';
import type { WorldView } from './view';

export const BOOTSTRAP_MESSAGE = 'envoy.config.bootstrap.v3.Bootstrap';

/** There is one bootstrap, so that there is nothing to add, remove or put in order. */
export const BOOTSTRAP_OPERATIONS: readonly string[] = ['MERGE', 'MERGE_AND_REPLACE_LIST'];

export interface BootstrapPatch {
  readonly operation: string;
  /** As it was written. */
  readonly value: object;
}

/** Whose bootstrap is to be made. */
export interface StartingProxy {
  readonly type: 'sidecar' | 'router';
  readonly namespace: string;
  readonly labels: Labels;
}

/** In the order of application. A proxy that has not started says nothing of itself: what asks for its version is not for it. */
export function bootstrapPatchesOf(world: WorldView, { type, namespace, labels }: StartingProxy): BootstrapPatch[] {
  const filters = world.extensions(namespace, labels).filter(({ kind }) => kind === 'EnvoyFilter');
  return (filters as readonly EnvoyFilter[]).flatMap(({ spec }) =>
    (spec?.configPatches ?? []).flatMap(({ applyTo, match = {}, patch }) => {
      const { context = 'ANY', proxy } = match;
      const isMeant = context === 'ANY' || (context === 'GATEWAY') === (type === 'router');
      const asksMore = proxy?.proxyVersion || Object.keys(proxy?.metadata ?? {}).length > 0;
      if (applyTo !== 'BOOTSTRAP' || !isMeant || context === 'WAYPOINT' || asksMore) return [];
      const { operation = '', value } = patch ?? {};
      return value && BOOTSTRAP_OPERATIONS.includes(operation) ? [{ operation, value }] : [];
    }),
  );
}
