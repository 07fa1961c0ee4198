/**
 * What a Sidecar leaves of the mesh: its egress listeners, each with the hosts that can be reached through it. Two
 * Sidecars that say the same are one scope, whatever their names, so that their proxies share all resources.
 */
import { createHash } from 'node:crypto';
import type { IstioEgressListener, Sidecar } from '../api';
import { intersect } from './hostname';

/** A part of the mesh: services of a namespace (`*`: of any, `.`: of the viewer's own, `~`: of none) by their host. */
export interface EgressHost {
  readonly namespace: string;
  readonly host: string;
}

/** Where a proxy takes what its application sends, and to whom it may go. */
export interface EgressListener {
  /** 0: no port of its own, but the ports of the services. */
  readonly port: number;
  readonly protocol: string;
  /** Empty: as the capture has it. */
  readonly bind: string;
  readonly captureMode: 'DEFAULT' | 'IPTABLES' | 'NONE';
  readonly hosts: readonly EgressHost[];
}

export interface Scope {
  /** Stands for the content. */
  readonly digest: string;
  readonly listeners: readonly EgressListener[];
}

const scopes = new WeakMap<Sidecar, Scope | null>();

/** The scope that a Sidecar declares; undefined where it leaves everything as it is. */
export function scopeOf(sidecar: Sidecar): Scope | undefined {
  let scope = scopes.get(sidecar);
  if (scope === undefined) {
    scope = convert(sidecar.spec?.egress ?? []);
    scopes.set(sidecar, scope);
  }
  return scope ?? undefined;
}

function convert(egress: readonly IstioEgressListener[]): Scope | null {
  const listeners = egress.map(listenerOf);
  const first = listeners[0];
  if (!first) return null;
  const isEverything = first.hosts.some(({ namespace, host }) => namespace === '*' && host === '*');
  if (listeners.length === 1 && isEverything && !first.port && !first.bind) return null;
  const digest = createHash('sha256').update(JSON.stringify(listeners)).digest('base64url').slice(0, 12);
  return { digest, listeners };
}

function listenerOf({ port, bind, captureMode, hosts }: IstioEgressListener): EgressListener {
  return {
    port: port?.number ?? 0,
    protocol: (port?.protocol ?? '').toUpperCase(),
    bind: bind ?? '',
    captureMode: captureMode ?? 'DEFAULT',
    hosts: [...new Set(hosts)].sort().map(hostOf),
  };
}

function hostOf(text: string): EgressHost {
  const slash = text.indexOf('/');
  return { namespace: text.slice(0, slash), host: text.slice(slash + 1).toLowerCase() };
}

/** Whether an object of namespace `owner` for `host` is within reach of a viewer in `namespace`. */
export function isWithin(hosts: readonly EgressHost[], owner: string, host: string, namespace: string): boolean {
  return hosts.some(
    (each) =>
      (each.namespace === '*' || (each.namespace === '.' ? namespace : each.namespace) === owner) &&
      intersect(each.host, host) !== undefined,
  );
}
