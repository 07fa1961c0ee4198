/** The calls that objects declare: who is named as somebody's caller, and where Gateways lead. */
import type { AuthorizationPolicy, VirtualService } from '../api';
import { type KubeObject, objectName } from '../api/object';
import { isWildcard, resolveHost, selects, viewerOf, type WorldView } from '../world';
import type { Directory, Entry } from './directory';

export interface DeclaredCall {
  readonly source: Entry;
  readonly target: Entry;
  /** The object that says so: `AuthorizationPolicy shop/reviews-callers`. */
  readonly by: string;
}

/** All of them, in the order of the objects. */
export function declaredCalls(world: WorldView, objects: readonly KubeObject[], directory: Directory): DeclaredCall[] {
  const rules = objects
    .filter(({ kind }) => kind === 'AuthorizationPolicy')
    .flatMap((object) => callsOfPolicy(object as AuthorizationPolicy, world.rootNamespace(), directory));
  return [...rules, ...directory.all().flatMap((entry) => callsOfProxies(world, entry, directory))];
}

function callsOfPolicy(policy: AuthorizationPolicy, rootNamespace: string, directory: Directory): DeclaredCall[] {
  const { metadata, spec } = policy;
  if ((spec?.action ?? 'ALLOW') !== 'ALLOW') return [];
  const namespace = metadata.namespace ?? 'default';
  const sources = (spec?.rules ?? []).flatMap(({ from = [] }) =>
    from.flatMap(({ source }) => (source ? [source] : [])),
  );
  const callers = sources.flatMap(({ principals = [], serviceAccounts = [] }) => [
    ...principals.flatMap((principal) => {
      const [, ns, account] = /\/ns\/([^/*]+)\/sa\/([^/*]+)$/.exec(principal) ?? [];
      return ns && account ? directory.ofAccount(ns, account) : [];
    }),
    ...serviceAccounts.flatMap((name) => {
      const [ns, account] = name.includes('/') ? name.split('/') : [namespace, name];
      return directory.ofAccount(ns!, account!);
    }),
  ]);
  if (callers.length === 0) return [];
  const isTarget = ({ instances }: Entry) =>
    instances.some(
      ({ namespace: of, labels }) =>
        (of === namespace || namespace === rootNamespace) && selects(spec?.selector?.matchLabels, labels),
    );
  const named = new Set(
    (spec?.targetRefs ?? []).flatMap(({ kind, name }) => (kind === 'Service' ? [`${namespace}/${name}`] : [])),
  );
  const targets = directory.all().filter((entry) => (named.size > 0 ? named.has(entry.id) : isTarget(entry)));
  const by = objectName(policy);
  return callers.flatMap((source) => targets.map((target) => ({ source, target, by })));
}

/** What the proxies of a node are told to reach by name: hosts of their Sidecar, and routes of their Gateways. */
function callsOfProxies(world: WorldView, source: Entry, directory: Directory): DeclaredCall[] {
  const found = new Map<string, DeclaredCall>();
  const add = (host: string, by: string) => {
    const target = directory.ofHost(host);
    if (target && target !== source) found.set(`${target.id}\0${by}`, { source, target, by });
  };
  for (const { namespace, labels } of source.instances) {
    const sidecar = world.sidecar(namespace, labels);
    for (const { hosts = [] } of sidecar?.spec?.egress ?? []) {
      for (const host of hosts) {
        const [, name = ''] = host.split('/');
        if (name && !isWildcard(name))
          add(resolveHost(name, sidecar!.metadata.namespace ?? namespace), objectName(sidecar!));
      }
    }
    for (const gateway of world.gateways(namespace, labels)) {
      const name = `${gateway.metadata.namespace ?? namespace}/${gateway.metadata.name}`;
      for (const object of world.virtualServices(viewerOf(namespace), name)) {
        for (const host of destinationsOf(object)) {
          add(resolveHost(host, object.metadata.namespace ?? 'default'), objectName(object));
        }
      }
    }
  }
  return [...found.values()];
}

function destinationsOf({ spec }: VirtualService): string[] {
  const routes = [...(spec.http ?? []), ...(spec.tcp ?? []), ...(spec.tls ?? [])];
  return routes.flatMap(({ route = [] }) => route.flatMap(({ destination }) => destination?.host ?? []));
}
