/**
 * Raw Envoy when one must: typed changes to what the translator makes. Values have the types of Envoy's own API, in
 * protobuf's JSON with original field names; `any` makes a typed configuration.
 *
 * @packageDocumentation
 */
export type { envoy, MessageTypes } from '../../lib/envoy/generated/envoy';
export { any } from '../../lib/envoy/message';
export { type ClusterPlace, EnvoyChange, type HttpFilterPlace, ProxySide, type RoutePlace } from './envoy-change';
export { EnvoyPatch, type EnvoyPatchProps } from './envoy-patch';
