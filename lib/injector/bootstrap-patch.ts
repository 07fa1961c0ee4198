/** What EnvoyFilters merge into the bootstrap of a proxy, which stands in the arguments of its container. */
import type { Container } from '../api/kubernetes';
import { canonical } from '../envoy/canonical';
import { merge } from '../envoy/merge';
import { encode } from '../envoy/message';
import { BOOTSTRAP_MESSAGE, type BootstrapPatch } from '../world';
import type { Injectable } from './inject';
import { PROXY_CONTAINER } from './proxy-container';

/** How many patches are in the bootstrap. */
export const PATCHED_ANNOTATION = 'malha.dev/bootstrap-patches';

/**
 * The Pod, or template of one, with the patches in the bootstrap of its proxy; the same where there is none, or the proxy has
 * none of ours. A patch that Envoy's API does not allow is left out alone: Galley has told of it.
 */
export function withBootstrapPatches<T extends Injectable>(pod: T, patches: readonly BootstrapPatch[]): T {
  const { metadata = {}, spec } = pod;
  // Merging twice would join lists twice: manifests may come by `malha inject` to a machine that does the same.
  if (!spec || patches.length === 0 || metadata.annotations?.[PATCHED_ANNOTATION] !== undefined) return pod;
  const patched = (containers: readonly Container[] | undefined) =>
    containers?.map((each) => (each.name === PROXY_CONTAINER ? patchedContainer(each, patches) : each));
  const { containers, initContainers } = spec;
  return {
    ...pod,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [PATCHED_ANNOTATION]: String(patches.length) } },
    spec: {
      ...spec,
      containers: patched(containers),
      ...(initContainers && { initContainers: patched(initContainers) }),
    },
  };
}

function patchedContainer(container: Container, patches: readonly BootstrapPatch[]): Container {
  const { args = [] } = container;
  const at = args.indexOf('--config-yaml') + 1;
  if (at === 0) return container;
  const text = patches.reduce(patchedText, args[at] ?? '');
  return { ...container, args: args.map((arg, i) => (i === at ? text : arg)) };
}

function patchedText(text: string, { value, operation }: BootstrapPatch): string {
  try {
    const lists = operation === 'MERGE_AND_REPLACE_LIST' ? 'replace' : 'append';
    const base = JSON.parse(text) as object;
    const merged = merge(BOOTSTRAP_MESSAGE, base, canonical(BOOTSTRAP_MESSAGE, value), { lists });
    encode(BOOTSTRAP_MESSAGE, merged);
    return JSON.stringify(merged);
  } catch {
    return text;
  }
}
