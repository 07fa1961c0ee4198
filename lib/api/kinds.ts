/** Every kind of the mesh API, and how an object finds its own. */
import { TrafficExtension } from './extensions/traffic-extension';
import { WasmPlugin } from './extensions/wasm-plugin';
import { gatewayApiKinds } from './gateway-api';
import type { Kind } from './kind';
import { RateLimit } from './malha/rate-limit';
import { DestinationRule } from './networking/destination-rule';
import { EnvoyFilter } from './networking/envoy-filter';
import { Gateway } from './networking/gateway';
import { ProxyConfig } from './networking/proxy-config';
import { ServiceEntry } from './networking/service-entry';
import { Sidecar } from './networking/sidecar';
import { VirtualService } from './networking/virtual-service';
import { WorkloadEntry } from './networking/workload-entry';
import { WorkloadGroup } from './networking/workload-group';
import { groupOf } from './object';
import { AuthorizationPolicy } from './security/authorization-policy';
import { PeerAuthentication } from './security/peer-authentication';
import { RequestAuthentication } from './security/request-authentication';
import { Telemetry } from './telemetry/telemetry';

/** All kinds of the mesh's own API, by group and name. */
export const kinds: readonly Kind[] = [
  DestinationRule,
  EnvoyFilter,
  Gateway,
  ProxyConfig,
  ServiceEntry,
  Sidecar,
  VirtualService,
  WorkloadEntry,
  WorkloadGroup,
  AuthorizationPolicy,
  PeerAuthentication,
  RequestAuthentication,
  Telemetry,
  TrafficExtension,
  WasmPlugin,
  RateLimit,
];

const byName = new Map([...kinds, ...gatewayApiKinds].map((kind) => [`${kind.group}/${kind.kind}`, kind]));

/** The groups of the mesh API. */
export const meshGroups: ReadonlySet<string> = new Set(kinds.map((kind) => kind.group));

/** The kind of an object, whatever version it is written in; undefined when it is neither of the mesh API nor of the Gateway API. */
export function kindOf(object: { apiVersion: string; kind: string }): Kind | undefined {
  return byName.get(`${groupOf(object)}/${object.kind}`);
}

/** Whether `object` is of `kind`, whatever its version. */
export function isOfKind(object: { apiVersion: string; kind: string }, kind: Kind): boolean {
  return object.kind === kind.kind && groupOf(object) === kind.group;
}
