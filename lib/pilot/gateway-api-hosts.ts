/**
 * The hosts of one listener of the Gateway API, each with its routes in the order in which they are tried. Envoy looks
 * at one virtual host alone, so what holds for a wider host is put behind the routes of a narrower one
 * (https://gateway-api.sigs.k8s.io/reference/spec/, HTTPRouteSpec.hostnames): by the host that the route itself names,
 * then by the most specific match (`route-precedence.ts`).
 */
import type { VirtualService } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { covers, isWildcard, resolveHost } from '../world';
import type { BoundVirtualService } from './gateway-hosts';
import { matchesEverything } from './route-match';
import { byPrecedence } from './route-precedence';

type Route = envoy.config.route.v3.Route;

/** Routes of one object at one host. */
interface Candidate {
  /** Of the objects at the listener, oldest first. */
  readonly age: number;
  readonly object: VirtualService;
  readonly routes: readonly Route[];
  /** The host that the object names. */
  readonly named: string;
}

/**
 * The most routes that are put behind those of narrower hosts, in one listener: thousands of hosts times thousands of
 * routes would be more than any proxy can hold. Beyond it, the wider routes of the remaining hosts are left out.
 */
const MOST_INHERITED = 50_000;

/** @param bound oldest first, each with its hosts at the listener. */
export function rankedHosts(
  bound: readonly BoundVirtualService[],
  routesOf: (object: VirtualService) => readonly Route[],
): Map<string, readonly Route[]> {
  const own = new Map<string, Candidate[]>();
  for (const [age, { object, hosts }] of bound.entries()) {
    const routes = routesOf(object);
    if (routes.length === 0) continue;
    const written = writtenHosts(object);
    for (const host of hosts) {
      const candidate = { age, object, routes, named: closest(written, host) };
      const list = own.get(host);
      if (list) list.push(candidate);
      else own.set(host, [candidate]);
    }
  }
  let room = MOST_INHERITED;
  const hasWider = [...own.keys()].some(isWildcard);
  const ranked = new Map<string, readonly Route[]>();
  for (const [host, candidates] of own) {
    if (candidates.length === 1 && !hasWider) {
      ranked.set(host, orderedAlone(candidates[0]!.routes));
      continue;
    }
    const all = [...candidates];
    if (!candidates.some(isCatchAll)) {
      for (const wider of widerThan(host)) {
        const found = (own.get(wider) ?? []).filter(({ object }) => !all.some((each) => each.object === object));
        const count = found.reduce((sum, { routes }) => sum + routes.length, 0);
        if (count > room) break;
        room -= count;
        all.push(...found);
        if (found.some(isCatchAll)) break;
      }
    }
    ranked.set(host, inOrder(all));
  }
  return ranked;
}

const alone = new WeakMap<readonly Route[], readonly Route[]>();

/** The usual case, a host of one object; routes keep their identity as long as nothing that they were made of changes. */
function orderedAlone(routes: readonly Route[]): readonly Route[] {
  let ordered = alone.get(routes);
  if (!ordered) {
    ordered = upToCatchAll(byPrecedence(routes));
    alone.set(routes, ordered);
  }
  return ordered;
}

/** Nothing is behind a route that takes everything. */
function upToCatchAll(routes: readonly Route[]): readonly Route[] {
  const last = routes.findIndex(({ match }) => matchesEverything(match!));
  return last < 0 ? routes : routes.slice(0, last + 1);
}

function isCatchAll({ routes }: Candidate): boolean {
  return routes.some(({ match }) => matchesEverything(match!));
}

/** The wildcards that cover a host, narrowest first: for `a.b.c` these are `*.b.c`, `*.c` and `*`. */
function widerThan(host: string): string[] {
  if (host === '*') return [];
  const labels = (isWildcard(host) ? host.slice(2) : host).split('.');
  return [...labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join('.')}`), '*'];
}

/** Server names of a listener for TLS, those that are tried first in front: by the host that the route itself names, then by age. */
export function rankedServerNames(bound: readonly BoundVirtualService[]): { host: string; object: VirtualService }[] {
  return bound
    .flatMap(({ object, hosts }, age) => {
      const written = writtenHosts(object);
      return hosts.map((host) => ({ host, object, age, named: closest(written, host) }));
    })
    .sort((a, b) => compareHosts(a.named, b.named) || a.age - b.age);
}

function writtenHosts({ metadata, spec }: VirtualService): string[] {
  return (spec.hosts ?? []).map((host) => resolveHost(host, metadata.namespace ?? 'default'));
}

function closest(written: readonly string[], host: string): string {
  const [only, ...more] = written;
  // The hosts at the listener are those that the object names, or narrower ones.
  if (only !== undefined && more.length === 0) return only;
  return written.filter((each) => covers(each, host)).sort(compareHosts)[0] ?? host;
}

/** Most characters without a wildcard first, then most characters. */
function compareHosts(a: string, b: string): number {
  const exact = (host: string) => (isWildcard(host) ? 0 : host.length);
  return exact(b) - exact(a) || b.length - a.length;
}

function inOrder(candidates: readonly Candidate[]): readonly Route[] {
  const groups = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const group = groups.get(candidate.named);
    if (group) group.push(candidate);
    else groups.set(candidate.named, [candidate]);
  }
  const names = [...groups.keys()].sort(compareHosts);
  return upToCatchAll(
    names.flatMap((name) => {
      const oldestFirst = groups.get(name)!.sort((a, b) => a.age - b.age);
      return byPrecedence(oldestFirst.flatMap(({ routes }) => routes));
    }),
  );
}
