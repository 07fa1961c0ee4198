/**
 * From a resource that a proxy rejected to the objects that it was made from. Routes, clusters and listeners carry the
 * paths of their objects in filter metadata; what is just the same in the last good version is not to blame. Pure.
 */
import type { KubeObject } from '../api/object';
import type { EnvoyResource } from '../envoy/resource';
import type { Finding } from '../galley';
import { findingAbout } from '../galley/catalogue';
import { configPath } from '../pilot/metadata';
import { tracesOf } from '../pilot/patch/patch-traces';
import type { Quarantined } from './quarantine';

/** The objects that may be the cause, none where it cannot be told, and what happened. */
export function blamed(
  rejected: Quarantined,
  objects: readonly KubeObject[],
): { readonly objects: readonly KubeObject[]; readonly message: string } {
  const { type, resource, error, proxy } = rejected;
  const message = `a proxy (${nameOf(proxy)}) rejects ${SINGULAR[type]} ${resource.name}: ${error.trim()}`;
  const paths = new Set(suspects(rejected));
  return { objects: objects.filter((object) => paths.has(configPath(object))), message };
}

/** One finding for each object that may be the cause; one without an object where none can be told. */
export function blame(rejected: Quarantined, objects: readonly KubeObject[]): Finding[] {
  const { proxy } = rejected;
  const { objects: named, message } = blamed(rejected, objects);
  return (named.length > 0 ? named : [undefined]).map((object) =>
    findingAbout(object ?? nobody(proxy), 'MAL0040', 'xds.Rejection', { message }),
  );
}

function nobody(proxy: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Proxy', metadata: { name: nameOf(proxy) } };
}

const SINGULAR = {
  clusters: 'cluster',
  endpoints: 'the endpoints of',
  listeners: 'listener',
  scopes: 'scope',
  routes: 'route configuration',
  secrets: 'secret',
  extensions: 'the configuration of filter',
} as const;

/** The paths of the objects of which something is new in the rejected version; also those that patch it. */
function suspects({ resource, lastGood }: Quarantined): string[] {
  const partsOf = (each: EnvoyResource): Part[] => [...parts(each.message), ...tracesOf(each)];
  const before = new Set(lastGood ? partsOf(lastGood).map(({ text }) => text) : []);
  const all = partsOf(resource);
  const fresh = all.filter(({ text }) => !before.has(text));
  return (fresh.length > 0 ? fresh : all).map(({ path }) => path);
}

interface Part {
  readonly path: string;
  /** All of the part that carries the path. */
  readonly text: string;
}

function parts(value: unknown): Part[] {
  if (typeof value !== 'object' || value === null) return [];
  const path = (value as Marked).metadata?.filter_metadata?.istio?.config;
  const inner = Object.values(value).flatMap(parts);
  return typeof path === 'string' ? [{ path, text: JSON.stringify(value) }, ...inner] : inner;
}

interface Marked {
  metadata?: { filter_metadata?: { istio?: { config?: unknown } } };
}

/** `sidecar~198.18.1.2~reviews-v1.shop~shop.svc.cluster.local` is `reviews-v1.shop`. */
function nameOf(id: string): string {
  return id.split('~')[2] ?? id;
}
