/** The README's table of conformance: the features that the Gateway API itself names, and which of them are served. */
import { SUPPORTED_FEATURES } from '../../../lib/world/gateway-api/features';
import { withBlock } from './readme-block';

const BEGIN = '<!-- conformance: made from lib/world/gateway-api/features.ts, with UPDATE_GOLDEN=1 -->';
const END = '<!-- end of conformance -->';

/** As sigs.k8s.io/gateway-api v1.7.0 names them in pkg/features, by the object that they belong to; retries also as 1.6 did. */
export const API_FEATURES: Readonly<Record<string, string>> = {
  Gateway:
    'Gateway GatewayAddressEmpty GatewayAddressRoutability GatewayAddressRoutabilityCluster GatewayBackendClientCertificate GatewayFrontendClientCertificateValidation GatewayFrontendClientCertificateValidationInsecureFallback GatewayHTTPListenerIsolation GatewayHTTPSListenerDetectMisdirectedRequests GatewayInfrastructure GatewayListenerFilters GatewayPort8080 GatewayRouteHostnameIntersectionPrecedence GatewayStaticAddresses ListenerSet ClusterTrustBundle',
  HTTPRoute:
    'HTTPRoute HTTPRoute303RedirectStatusCode HTTPRoute307RedirectStatusCode HTTPRoute308RedirectStatusCode HTTPRouteBackendProtocolH2C HTTPRouteBackendProtocolWebSocket HTTPRouteBackendRequestHeaderModification HTTPRouteBackendTimeout HTTPRouteBackendURLRewrite HTTPRouteCORS HTTPRouteDestinationPortMatching HTTPRouteHostRewrite HTTPRouteMethodMatching HTTPRouteNamedRouteRule HTTPRouteParentRefPort HTTPRoutePathRedirect HTTPRoutePathRewrite HTTPRoutePortRedirect HTTPRouteQueryParamMatching HTTPRouteRequestMirror HTTPRouteRequestMultipleMirrors HTTPRouteRequestPercentageMirror HTTPRouteRequestTimeout HTTPRouteResponseHeaderModification HTTPRouteRetry HTTPRouteRetryBackendTimeout HTTPRouteRetryCodes HTTPRouteRetryConnectionError HTTPRouteSchemeRedirect',
  GRPCRoute: 'GRPCRoute GRPCRouteNamedRouteRule GRPCRouteRequestHeaderModifier',
  TLSRoute: 'TLSRoute TLSRouteModeMixed TLSRouteModeTerminate',
  TCPRoute: 'TCPRoute',
  UDPRoute: 'UDPRoute',
  BackendTLSPolicy: 'BackendTLSPolicy BackendTLSPolicySANValidation',
  ReferenceGrant: 'ReferenceGrant',
  Mesh: 'Mesh MeshClusterIPMatching MeshConsumerRoute MeshHTTPRouteBackendRequestHeaderModification MeshHTTPRouteNamedRouteRule MeshHTTPRouteQueryParamMatching MeshHTTPRouteRedirectPath MeshHTTPRouteRedirectPort MeshHTTPRouteRewritePath MeshHTTPRouteSchemeRedirect',
};

export function conformanceTable(supported: readonly string[] = SUPPORTED_FEATURES): string {
  const rows = Object.entries(API_FEATURES).map(([object, text]) => {
    const names = text.split(' ');
    const served = names.filter((name) => supported.includes(name));
    const missing = names.filter((name) => !supported.includes(name));
    const extended = served.filter((name) => name !== object);
    const list = [served.includes(object) ? '**core**' : '', ...extended].filter(Boolean).join(' · ') || '–';
    return `| ${object} | ${served.length} of ${names.length} | ${list} | ${missing.join(' · ') || '–'} |`;
  });
  const head =
    '| Gateway API 1.7 | features | served, each shown in a real Envoy or on a real API server | not claimed |';
  return [BEGIN, '', head, '|---|---|---|---|', ...rows, '', END].join('\n');
}

/** `readme` with this table in place of the one that it has. @throws when it has no place for one. */
export function withConformanceTable(readme: string, table: string): string {
  return withBlock(readme, { begin: BEGIN, end: END }, table);
}
