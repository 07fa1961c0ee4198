/**
 * Delegation: a route of one VirtualService hands its requests to the routes of another, which has no hosts of its own.
 * The delegate's routes take the place of the route, in their order. Each of their matches has to be part of what a match
 * of the route takes; a delegate's route with one that is not takes no effect
 * (https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate).
 */
import type { HTTPMatchRequest, HTTPRoute, HTTPRouteDestination, StringMatch, VirtualService } from '../api';
import { resolveHost } from './hostname';
import { isVisible } from './visibility';

/** Why a part of a delegation takes no effect. */
export interface LostDelegation {
  /** The index in `http` of the object that delegates. */
  readonly route: number;
  /** `namespace/name` of the delegate. */
  readonly delegate: string;
  /** The index in `http` of the delegate; absent where there is no delegate to be seen. */
  readonly delegateRoute?: number;
}

export interface Delegation {
  /** The object with the delegates' routes in place; the very object where it does not delegate. */
  readonly object: VirtualService;
  readonly lost: readonly LostDelegation[];
}

export function isDelegating(object: VirtualService): boolean {
  return object.spec.http?.some(({ delegate }) => delegate) ?? false;
}

/** The name of the delegate, in full. */
export function delegateName(route: HTTPRoute, owner: string): { namespace: string; name: string } | undefined {
  const { name, namespace } = route.delegate ?? {};
  return name ? { namespace: namespace || owner, name } : undefined;
}

/**
 * @param find the VirtualService of that name.
 * @param exportTo the mesh-wide default of `exportTo`.
 */
export function delegated(
  root: VirtualService,
  find: (namespace: string, name: string) => VirtualService | undefined,
  exportTo?: readonly string[],
): Delegation {
  if (!isDelegating(root)) return { object: root, lost: [] };
  const owner = root.metadata.namespace ?? 'default';
  const lost: LostDelegation[] = [];
  const http = (root.spec.http ?? []).flatMap((route, index) => {
    const named = delegateName(route, owner);
    if (!named) return [route];
    const found = find(named.namespace, named.name);
    const delegate = `${named.namespace}/${named.name}`;
    if (!found || found.spec.hosts?.length || !isVisible(found.spec.exportTo, named.namespace, owner, exportTo)) {
      lost.push({ route: index, delegate });
      return [];
    }
    return (found.spec.http ?? []).flatMap((inner, delegateRoute) => {
      const merged = mergeRoutes(route, fromNamespace(inner, named.namespace));
      if (!merged) lost.push({ route: index, delegate, delegateRoute });
      return merged ? [merged] : [];
    });
  });
  return { object: { ...root, spec: { ...root.spec, http } }, lost };
}

/** What the delegate leaves open, the delegating route decides. Undefined where their matches do not meet. */
function mergeRoutes(root: HTTPRoute, inner: HTTPRoute): HTTPRoute | undefined {
  const match = mergeMatches(root.match ?? [], inner.match ?? []);
  if (!match) return undefined;
  const { delegate: _, match: __, name: ___, ...inherited } = root;
  return { ...inherited, ...inner, match, ...namesOf(root, inner) };
}

function namesOf(root: { name?: string }, inner: { name?: string }): { name?: string } {
  const name = [root.name, inner.name].filter(Boolean).join('-');
  return name ? { name } : {};
}

function mergeMatches(
  root: readonly HTTPMatchRequest[],
  inner: readonly HTTPMatchRequest[],
): HTTPMatchRequest[] | undefined {
  if (root.length === 0) return [...inner];
  if (inner.length === 0) return [...root];
  const merged = inner.map((each) =>
    root.filter((outer) => isWithin(outer, each)).map((outer) => mergeMatch(outer, each)),
  );
  return merged.some((list) => list.length === 0) ? undefined : merged.flat();
}

function mergeMatch(root: HTTPMatchRequest, inner: HTTPMatchRequest): HTTPMatchRequest {
  const both = <T>(field: 'headers' | 'withoutHeaders' | 'queryParams' | 'sourceLabels') =>
    (root[field] || inner[field]) && { [field]: { ...(root[field] as T), ...(inner[field] as T) } };
  return {
    ...root,
    ...inner,
    ...namesOf(root, inner),
    ...both('headers'),
    ...both('withoutHeaders'),
    ...both('queryParams'),
    ...both('sourceLabels'),
  };
}

/** Whether what `inner` asks for can only be part of what `root` takes. */
function isWithin(root: HTTPMatchRequest, inner: HTTPMatchRequest): boolean {
  const texts = ['uri', 'scheme', 'method', 'authority'] as const;
  const maps = ['headers', 'withoutHeaders', 'queryParams'] as const;
  const agree = (outer: unknown, own: unknown) => !outer || !own || outer === own;
  return (
    texts.every((field) => isNarrower(root[field], inner[field])) &&
    maps.every((field) =>
      Object.entries(inner[field] ?? {}).every(([key, value]) => isNarrower(root[field]?.[key], value)),
    ) &&
    (!root.uri || !inner.uri || (root.ignoreUriCase ?? false) === (inner.ignoreUriCase ?? false)) &&
    agree(root.port, inner.port) &&
    agree(root.sourceNamespace, inner.sourceNamespace) &&
    Object.entries(inner.sourceLabels ?? {}).every(([key, value]) => agree(root.sourceLabels?.[key], value)) &&
    (!root.gateways?.length || (inner.gateways ?? []).every((gateway) => root.gateways!.includes(gateway)))
  );
}

/** Of regular expressions nobody can tell, so one of them allows no second condition. */
function isNarrower(root: StringMatch | undefined, inner: StringMatch | undefined): boolean {
  if (!root || !inner) return true;
  if (root.regex !== undefined || inner.regex !== undefined) return false;
  if (root.exact !== undefined) return inner.exact === root.exact;
  if (root.prefix === undefined) return true;
  return (inner.exact ?? inner.prefix ?? '').startsWith(root.prefix);
}

/** Short names of a delegate are those of its own namespace. */
function fromNamespace(route: HTTPRoute, owner: string): HTTPRoute {
  const absolute = <T extends { host: string }>(destination: T): T => ({
    ...destination,
    host: resolveHost(destination.host, owner),
  });
  const within = <T extends Pick<HTTPRouteDestination, 'destination'>>(each: T): T => ({
    ...each,
    destination: absolute(each.destination),
  });
  return {
    ...route,
    ...(route.route && { route: route.route.map(within) }),
    ...(route.mirror && { mirror: absolute(route.mirror) }),
    ...(route.mirrors && { mirrors: route.mirrors.map(within) }),
  };
}
