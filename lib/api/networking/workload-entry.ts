/** WorkloadEntry: one workload outside of Kubernetes. https://istio.io/latest/docs/reference/config/networking/workload-entry/ */
import { type MeshObject, networkingKind } from '../kind';
import { map, message, type Static, text, textMap, uint32, unserved } from '../schema';

export const WorkloadEntrySpec = message(
  {
    address: text('The IP address, the name for DNS resolution, or `unix:///path` of a socket.', { maxLength: 256 }),
    ports: map(uint32('A port number.'), "Numbers of the service's ports at this workload, by the ports' names.", {
      maxProperties: 128,
    }),
    labels: textMap('Labels of the workload.', { maxProperties: 256 }),
    network: unserved(text('The network of the workload. Default: that of the cluster.', { maxLength: 2048 })),
    locality: text('Where the workload is: `region/zone/sub-zone`.', { maxLength: 2048 }),
    weight: uint32('The share of the traffic, relative to the other endpoints. Default 1.'),
    serviceAccount: text('The service account of the workload, in the namespace of the object.', { maxLength: 253 }),
  },
  { description: 'An address with the labels and ports of a workload.' },
);
export type WorkloadEntrySpec = Static<typeof WorkloadEntrySpec>;
export type WorkloadEntry = MeshObject<WorkloadEntrySpec>;

export const WorkloadEntry = networkingKind({
  kind: 'WorkloadEntry',
  plural: 'workloadentries',
  shortNames: ['we'],
  description: 'A workload that is not a Pod.',
  schema: WorkloadEntrySpec,
  specRequired: true,
  printerColumns: [
    { name: 'Address', type: 'string', jsonPath: '.spec.address', description: 'The address of the workload' },
  ],
});
