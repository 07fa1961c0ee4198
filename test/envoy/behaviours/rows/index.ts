/** All rows, topic by topic. A new topic is a file of its own and a line here. */
import type { Behaviour } from '../behaviour';
import { authorizationRows } from './authorization';
import { backendTlsOfGatewayApi } from './backend-tls-api';
import { balancing } from './balancing';
import { clientTls } from './client-tls';
import { connectionsOfGatewayApi } from './connection-route-api';
import { connections } from './connections';
import { destinationRule } from './destination-rule';
import { dynamicDns } from './dynamic-dns';
import { gatewayRows } from './gateway';
import { gatewayApiDetails } from './gateway-api-details';
import { gatewayTopologyRows } from './gateway-topology';
import { httpMatch } from './http-match';
import { httpRoute } from './http-route';
import { httpRouteOfGatewayApi, meshOfGatewayApi } from './http-route-api';
import { httpRouteCorners } from './http-route-corners';
import { ingressRows } from './ingress';
import { meshConfigRows } from './mesh-config';
import { mutualTls } from './mutual-tls';
import { proxyHeaderRows } from './proxy-headers';
import { rateLimitRows } from './rate-limit';
import { rawEnvoy } from './raw-envoy';
import { resilience } from './resilience';
import { serviceEntry } from './service-entry';
import { services } from './services';
import { telemetryRows } from './telemetry';
import { tlsParameters } from './tls-parameters';

export const behaviours: readonly Behaviour[] = [
  ...httpMatch,
  ...httpRoute,
  ...connections,
  ...gatewayRows,
  ...gatewayTopologyRows,
  ...proxyHeaderRows,
  ...ingressRows,
  ...meshConfigRows,
  ...services,
  ...serviceEntry,
  ...dynamicDns,
  ...httpRouteOfGatewayApi,
  ...httpRouteCorners,
  ...connectionsOfGatewayApi,
  ...gatewayApiDetails,
  ...meshOfGatewayApi,
  ...backendTlsOfGatewayApi,
  ...destinationRule,
  ...balancing,
  ...resilience,
  ...clientTls,
  ...tlsParameters,
  ...authorizationRows,
  ...rateLimitRows,
  ...rawEnvoy,
  ...mutualTls,
  ...telemetryRows,
];
