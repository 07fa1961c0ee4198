/**
 * MeshNetworks: which endpoints are in which network, and the gateways between networks. Not a kind of object: it is YAML
 * under the key `meshNetworks` of the ConfigMap `istio` in the root namespace, or a file.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks
 */
import { list, map, message, type Static, text, uint32, unserved } from '../schema';

export const NetworkEndpoints = message(
  {
    fromCidr: text('Endpoints with addresses of this range.'),
    fromRegistry: text('Endpoints of this registry: the name of a cluster, or Kubernetes, External.'),
  },
  { description: 'Some endpoints of a network.', exclusive: [['fromCidr', 'fromRegistry']] },
);

export const NetworkGateway = message(
  {
    registryServiceName: text('The full name of the service of the gateway.'),
    registry_service_name: text('The full name of the service of the gateway.'),
    address: text('The address or name of the gateway.'),
    port: uint32('The port of the gateway.'),
    locality: text('Where the gateway is: `region/zone/sub-zone`.'),
  },
  {
    description: 'A gateway into a network.',
    exclusive: [['registryServiceName', 'registry_service_name', 'address']],
  },
);

export const Network = message(
  {
    endpoints: list(NetworkEndpoints, 'The endpoints of the network.'),
    gateways: list(NetworkGateway, 'How to get into the network from others.'),
  },
  { description: 'A network.' },
);

export const MeshNetworks = message(
  { networks: unserved(map(Network, 'Networks by their names.')) },
  { description: 'The networks of the mesh.' },
);
export type MeshNetworks = Static<typeof MeshNetworks>;
