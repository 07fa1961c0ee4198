/** Where a sidecar takes what its application sends: one view per egress listener of its Sidecar, or a single one. */
import type { Destination, OutboundTrafficPolicy } from '../api';
import {
  type Capture,
  type EgressListener,
  keyOf,
  type Reader,
  resolveHost,
  type Scope,
  type Service,
  throughListener,
  type Viewer,
  type WorldView,
} from '../world';
import { outboundClusterName } from './names';
import { httpServicesTable, sniffedServicesTable } from './outbound-tables';

export interface EgressView {
  /** Who looks through this listener alone. */
  readonly viewer: Viewer;
  /** 0: the ports of the services. */
  readonly port: number;
  /** Empty: any. */
  readonly protocol: string;
  /** Empty: the addresses of the services. */
  readonly bind: string;
  /** Applications connect to the listener itself; nothing is redirected to it. */
  readonly bindToPort: boolean;
}

/** The egress listeners of a viewer, whose scope, if it has one, is given. */
export function egressViews(viewer: Viewer, scope: Scope | undefined, capture: Capture): EgressView[] {
  const listeners: readonly Omit<EgressListener, 'hosts'>[] = scope?.listeners ?? [ANY];
  return listeners.map(({ port, protocol, bind, captureMode }, i) => ({
    viewer: scope ? throughListener(viewer, i) : viewer,
    port,
    protocol,
    bind,
    bindToPort: captureMode === 'NONE' || (captureMode === 'DEFAULT' && capture === 'NONE'),
  }));
}

const ANY = { port: 0, protocol: '', bind: '', captureMode: 'DEFAULT' } as const;

/** It has a place of its own, so that everything that comes there is meant for its services. */
export function isOwnListener({ port, bind }: EgressView): boolean {
  return port > 0 || bind.startsWith('unix://');
}

/** The listener's own address or port says which services are meant; there is no need to look at theirs. */
export function hasOwnAddress(listener: EgressView): boolean {
  return isOwnListener(listener) || listener.bind !== '';
}

/** The services whose requests at a port of this listener are told apart by their authority. */
export function httpServicesAt(evaluation: Reader, listener: EgressView, port: number): readonly Service[] {
  const { viewer } = listener;
  const http = evaluation.read(httpServicesTable, keyOf(viewer, port));
  return hasOwnAddress(listener) ? [...http, ...evaluation.read(sniffedServicesTable, keyOf(viewer, port))] : http;
}

/** Requests are told apart by their authority alone, whatever port they name. */
export function servesAllPorts({ port, protocol, bind }: EgressView): boolean {
  return protocol === 'HTTP_PROXY' || (port === 0 && bind.startsWith('unix://'));
}

/** The name of the route configuration for HTTP at a port of this listener. */
export function routeNameOf({ bind }: EgressView, port: number): string {
  return port > 0 ? String(port) : bind;
}

/** A listener before this one has taken the port. */
export function isClaimed({ egress }: { egress: readonly EgressView[] }, listener: EgressView, port: number): boolean {
  return egress.slice(0, egress.indexOf(listener)).some((before) => before.port === port);
}

/** What happens to traffic that no service claims. */
export interface Elsewhere {
  readonly isRegistryOnly: boolean;
  /** Of requests, the authority is resolved: where they were sent to does not count. */
  readonly resolvesNames: boolean;
  /** The cluster of a proxy that knows more; empty: straight to where it was meant. */
  readonly egressProxy: string;
}

/** @param policy the Sidecar's, which takes the place of the mesh's. */
export function elsewhereOf(world: WorldView, namespace: string, policy: OutboundTrafficPolicy | undefined): Elsewhere {
  if (!policy) {
    const mode = world.meshConfig().outboundTrafficPolicy?.mode;
    return {
      isRegistryOnly: mode === 'REGISTRY_ONLY',
      resolvesNames: mode === 'ALLOW_ANY_DYNAMIC_DNS',
      egressProxy: '',
    };
  }
  // The first of the API's values is the default of a message that leaves the mode out.
  if (policy.mode !== 'ALLOW_ANY') return { isRegistryOnly: true, resolvesNames: false, egressProxy: '' };
  const egressProxy = policy.egressProxy ? clusterOf(policy.egressProxy, namespace) : '';
  return { isRegistryOnly: false, resolvesNames: false, egressProxy };
}

function clusterOf({ host, port, subset }: Destination, namespace: string): string {
  return outboundClusterName(resolveHost(host, namespace), port?.number ?? 0, subset);
}
