/**
 * world: objects become one immutable, indexed World.
 *
 * A World sorts its objects into drawers when it is made, and answers everything else by tables (`tables.ts`) with
 * keyed reads, each answered at most once. Conversions are memoized by the identity of the object they come from, so
 * two Worlds share whatever they make of unchanged objects. Together that is what lets a reader (pilot's translator)
 * write down its reads and check them against a newer World, instead of computing again (`reads.ts`).
 *
 * Bounds: no I/O, no validation (Galley has admitted the objects; the World trusts their shape). The DNS domain is
 * `cluster.local`.
 */
export * from './age';
export * from './bootstrap-patches';
export { type AddressRanges, complete, DEFAULT_RANGES } from './completion';
export * from './endpoint';
export { type Extension, extensionKey } from './envoy-filters';
export { isForbiddenHost } from './forbidden-host';
export * from './gateway-api';
export * from './gateway-statuses';
export * from './hostname';
export * from './identity';
export { type ImageModule, type ImageModules, isImageUrl } from './image-modules';
export { apiHost, type ImageReference, isDigest, parseReference, repositoryName } from './image-reference';
export { type ImageTrust, imageTrust, isSignatureKey } from './image-trust';
export { ingressSelectorOf, isServedIngress } from './ingress';
export * from './ingress-status';
export { nameKey, partsOfName } from './inventory';
export { usableKeys } from './key-set';
export * from './labels';
export { localityOf, normalized, placeLabels } from './locality';
export { DEFAULT_ROOT_NAMESPACE, isMeshConfig, parseMapping, parseMeshConfig, parseMeshNetworks } from './mesh-config';
export * from './packed-labels';
export * from './patched-messages';
export * from './peer-authentication';
export * from './protocol';
export * from './proven-proxy';
export * from './proxy';
export * from './proxy-settings';
export * from './reads';
export { askedRevision, namesOfRevision, selectRevision } from './revision-selection';
export { type EgressListener, type Scope, scopeOf } from './scope';
export * from './service';
export * from './view';
export * from './viewer';
export { capturesDns } from './virtual-addresses';
export { gatewaysOf, MESH_GATEWAY, resolveGateway } from './virtual-services';
export * from './visibility';
export * from './workload';
export { type Machine, workloadEntryOf } from './workload-group';
export * from './workload-identity';
export * from './world';
