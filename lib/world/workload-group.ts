/** What a WorkloadGroup says of each of its machines. https://istio.io/latest/docs/reference/config/networking/workload-group/ */
import type { WorkloadEntry, WorkloadGroup } from '../api';
import { TLS_MODE_LABEL } from './endpoint';

export interface Machine {
  /** Its IP address, from which it will also connect to the control plane. */
  readonly address: string;
  /** Default: the group's name and the address. */
  readonly name?: string;
}

/**
 * The WorkloadEntry of a machine of the group: the template, with the labels and annotations of the group's metadata. A machine
 * with a service account gets a certificate, so its clients are told that it takes mutual TLS.
 */
export function workloadEntryOf({ metadata: group, spec }: WorkloadGroup, { address, name }: Machine): WorkloadEntry {
  const { template, metadata = {} } = spec;
  const labels = {
    ...metadata.labels,
    ...template.labels,
    ...(template.serviceAccount && { [TLS_MODE_LABEL]: 'istio' }),
  };
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: {
      name: name ?? `${group.name}-${address.replaceAll(/[.:]+/g, '-')}`,
      namespace: group.namespace ?? 'default',
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(metadata.annotations && { annotations: metadata.annotations }),
    },
    spec: { ...template, address, ...(Object.keys(labels).length > 0 && { labels }) },
  };
}
