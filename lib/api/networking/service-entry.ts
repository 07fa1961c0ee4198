/** ServiceEntry: a service that Kubernetes does not know. https://istio.io/latest/docs/reference/config/networking/service-entry/ */
import { type MeshObject, networkingKind } from '../kind';
import { choice, list, message, type Static, text, texts, uint32 } from '../schema';
import { NetworkingWorkloadSelector } from '../selector';
import { WorkloadEntrySpec } from './workload-entry';

export const ServicePort = message(
  {
    number: uint32('The port number.', { minimum: 1, maximum: 65535 }),
    protocol: text('HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS … in any case. Default TCP.', { maxLength: 256 }),
    name: text('The name of the port.', { maxLength: 256 }),
    targetPort: uint32('The port at the endpoints. Default: `number`.', { minimum: 1, maximum: 65535 }),
  },
  { description: 'A port of the service.', required: ['number', 'name'] },
);
export type ServicePort = Static<typeof ServicePort>;

export const ServiceEntrySpec = message(
  {
    hosts: texts(
      'The names of the service. For HTTP they are compared with the authority, for TLS with the server name.',
      { minItems: 1, maxItems: 256 },
    ),
    addresses: list(text('An address or a CIDR block.', { maxLength: 64 }), 'Virtual addresses of the service.', {
      maxItems: 256,
    }),
    ports: list(ServicePort, 'The ports of the service.', { maxItems: 256 }),
    location: choice(
      ['MESH_EXTERNAL', 'MESH_INTERNAL'],
      'Whether the service belongs to the mesh. Default MESH_EXTERNAL.',
    ),
    resolution: choice(
      ['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'],
      'How endpoints are found: the address that the client asked for, those listed here, or by DNS. DYNAMIC_DNS resolves the authority of each request, or the server name of each TLS connection, below a wildcard host. Default NONE.',
    ),
    endpoints: list(WorkloadEntrySpec, 'The endpoints of the service. Not together with `workloadSelector`.', {
      maxItems: 4096,
    }),
    workloadSelector: NetworkingWorkloadSelector,
    exportTo: texts('Namespaces that see the service: `.` its own, `*` all (the default), or names.'),
    subjectAltNames: texts('Names of which the certificate of the service has to carry one.'),
  },
  {
    description: 'A service added to the registry.',
    required: ['hosts'],
    exclusive: [['workloadSelector', 'endpoints']],
  },
);
export type ServiceEntrySpec = Static<typeof ServiceEntrySpec>;
export type ServiceEntry = MeshObject<ServiceEntrySpec>;

export const ServiceEntry = networkingKind({
  kind: 'ServiceEntry',
  plural: 'serviceentries',
  shortNames: ['se'],
  description: 'A service that Kubernetes does not know, in or outside of the mesh.',
  schema: ServiceEntrySpec,
  specRequired: true,
  printerColumns: [
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts', description: 'The names of the service' },
    { name: 'Location', type: 'string', jsonPath: '.spec.location', description: 'In the mesh or outside of it' },
    { name: 'Resolution', type: 'string', jsonPath: '.spec.resolution', description: 'How endpoints are found' },
  ],
});
