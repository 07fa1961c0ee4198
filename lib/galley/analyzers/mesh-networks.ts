/** The registries that networks take their endpoints from exist. */
import type { Secret } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { join } from '../path';
import { shown } from '../schema-check';
import type { Analysis } from './analysis';

const NAME = 'multicluster.MeshNetworksAnalyzer';

export function meshNetworks(analysis: Analysis): Finding[] {
  const remote = analysis
    .of<Secret>('/Secret')
    .filter((secret) => secret.metadata.labels?.['istio/multiCluster'] === 'true')
    .flatMap((secret) => [...Object.keys(secret.data ?? {}), ...Object.keys(secret.stringData ?? {})]);
  const known = new Set(['Mock', 'Kubernetes', 'External', ...remote]);
  const object: KubeObject = {
    apiVersion: 'mesh.istio.io/v1alpha1',
    kind: 'MeshNetworks',
    metadata: { name: 'meshnetworks', namespace: analysis.rootNamespace },
  };
  return Object.entries(analysis.meshNetworks.networks ?? {}).flatMap(([name, network]) =>
    (network.endpoints ?? []).flatMap(({ fromRegistry }, index) => {
      if (fromRegistry === undefined || known.has(fromRegistry)) {
        return [];
      }
      const path = `${join('networks', name)}.endpoints[${index}].fromRegistry`;
      const message = `the network ${name} takes endpoints from the registry ${shown(fromRegistry)}, known are ${[...known].join(', ')}`;
      return [findingAbout(object, 'IST0126', NAME, { path, message })];
    }),
  );
}
