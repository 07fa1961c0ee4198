/** Do these objects fit together? One file per analyzer; each is a pure function of the same indexed objects. */
import type { Finding } from '../finding';
import { alphaAnnotations } from './alpha-annotations';
import type { Analysis } from './analysis';
import { misplacedAnnotations } from './annotations';
import { applicationUser } from './application-uid';
import { authorizationPolicies } from './authorization-policies';
import { blockedRanges } from './blocked-ranges';
import { caCertificates } from './ca-certificates';
import { negativeConditions } from './conditions';
import { conflictingDestinationRules } from './conflicting-destination-rules';
import { conflictingGateways } from './conflicting-gateways';
import { conflictingMeshHosts } from './conflicting-mesh-hosts';
import { conflictingPeerAuthentications } from './conflicting-peer-authentications';
import { conflictingProtocols } from './conflicting-protocols';
import { deprecatedFields } from './deprecated-fields';
import { destinationHost } from './destination-host';
import { destinationRule } from './destination-rule';
import { duplicateCertificates } from './duplicate-certificates';
import { envoyPatches } from './envoy-patch';
import { externalControlPlane } from './external-control-plane';
import { gatewayApiSelector } from './gateway-api-selector';
import { gatewayApiVersion } from './gateway-api-version';
import { gatewayPort } from './gateway-port';
import { gatewaySecrets } from './gateway-secrets';
import { hostOwnership } from './host-ownership';
import { imageAuto } from './image-auto';
import { injection } from './injection';
import { injectionImage } from './injection-image';
import { jwtClaimRoutes } from './jwt-claim-routes';
import { keysOverTheWire } from './keys-over-the-wire';
import { meshNetworks } from './mesh-networks';
import { overlappingMatches } from './overlapping-matches';
import { podNotSelected } from './pod-not-selected';
import { portNames } from './port-names';
import { providerPorts } from './provider-ports';
import { proxyConfigAnnotations } from './proxy-config-annotation';
import { retryAmplification } from './retry-amplification';
import { retryTimeouts } from './retry-timeouts';
import { serviceAssociation } from './service-association';
import { serviceEntryAddresses } from './service-entry-addresses';
import { shadowedRules } from './shadowed-rules';
import { sidecarSelector } from './sidecar-selector';
import { lightstep, telemetryProviders } from './telemetry-providers';
import { defaultTelemetry, telemetrySelector } from './telemetry-selector';
import { virtualServiceGateway } from './virtual-service-gateway';
import { wasmImages } from './wasm-images';
import { webhooks } from './webhooks';

export const analyzers: readonly ((analysis: Analysis) => Finding[])[] = [
  // Routes and what they lead to.
  destinationHost,
  destinationRule,
  virtualServiceGateway,
  conflictingMeshHosts,
  hostOwnership,
  overlappingMatches,
  shadowedRules,
  jwtClaimRoutes,
  retryTimeouts,
  retryAmplification,
  // What happens after routing.
  podNotSelected,
  caCertificates,
  conflictingDestinationRules,
  // Gateways.
  gatewayPort,
  gatewaySecrets,
  conflictingGateways,
  duplicateCertificates,
  gatewayApiVersion,
  gatewayApiSelector,
  // Services and workloads.
  portNames,
  serviceAssociation,
  applicationUser,
  serviceEntryAddresses,
  conflictingProtocols,
  wasmImages,
  // Policies, scopes and observation.
  authorizationPolicies,
  conflictingPeerAuthentications,
  blockedRanges,
  sidecarSelector,
  telemetrySelector,
  defaultTelemetry,
  telemetryProviders,
  lightstep,
  providerPorts,
  // Injection, and the control plane itself.
  injection,
  injectionImage,
  imageAuto,
  keysOverTheWire,
  webhooks,
  externalControlPlane,
  meshNetworks,
  // Whatever has a field, an annotation or a status.
  envoyPatches,
  deprecatedFields,
  misplacedAnnotations,
  proxyConfigAnnotations,
  alphaAnnotations,
  negativeConditions,
];
