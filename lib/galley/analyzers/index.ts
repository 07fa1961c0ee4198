/** Do these objects fit together? One file per analyzer; each is a pure function of the same indexed objects. */
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { conflictingDestinationRules } from './conflicting-destination-rules';
import { conflictingGateways } from './conflicting-gateways';
import { conflictingMeshHosts } from './conflicting-mesh-hosts';
import { destinationHost } from './destination-host';
import { destinationRule } from './destination-rule';
import { gatewayPort } from './gateway-port';
import { virtualServiceGateway } from './virtual-service-gateway';

export const analyzers: readonly ((analysis: Analysis) => Finding[])[] = [
  destinationHost,
  destinationRule,
  virtualServiceGateway,
  conflictingMeshHosts,
  gatewayPort,
  conflictingGateways,
  conflictingDestinationRules,
];
