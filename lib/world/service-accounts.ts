/** Under which accounts the workloads behind a service run: a client believes no server that shows another. */
import type { ServiceEntry } from '../api';
import { selects } from './labels';
import { table } from './reads';
import { serviceByKeyTable } from './tables';
import { identitySourceOf, serviceAccountOf } from './workload-identity';
import type { World } from './world';

/**
 * By a service's key: `namespace/account` of each workload that it may lead to and that has an identity, sorted. Also of
 * those that are not ready, so that a server's first moments change nothing for its clients.
 */
export const serviceAccountsTable = table<readonly string[]>('service accounts', (world, key) => {
  const service = world.read(serviceByKeyTable, key);
  if (!service) return [];
  const { namespace } = service;
  const accounts =
    service.registry === 'Kubernetes'
      ? ofSlices(world, namespace, service.name)
      : ofEntry(world, service.object as ServiceEntry, namespace);
  return [...new Set(accounts)].sort();
});

function ofSlices(world: World, namespace: string, name: string): string[] {
  return world.slices(namespace, name).flatMap(({ endpoints = [] }) =>
    endpoints.flatMap(({ targetRef }) => {
      if (targetRef?.kind !== 'Pod' || !targetRef.name) return [];
      const owner = targetRef.namespace ?? namespace;
      const pod = world.pod(owner, targetRef.name);
      return pod && identitySourceOf(pod) ? [`${owner}/${serviceAccountOf(pod)}`] : [];
    }),
  );
}

function ofEntry(world: World, { spec }: ServiceEntry, namespace: string): string[] {
  const labels = spec.workloadSelector?.labels;
  if (!labels) return (spec.endpoints ?? []).flatMap(named);
  const entries = world.workloadEntries(namespace).filter((entry) => selects(labels, entry.spec.labels ?? {}));
  const pods = world
    .pods(namespace)
    .filter((pod) => identitySourceOf(pod) && selects(labels, pod.metadata.labels ?? {}));
  return [
    ...entries.flatMap((entry) => named(entry.spec)),
    ...pods.map((pod) => `${namespace}/${serviceAccountOf(pod)}`),
  ];

  function named({ serviceAccount }: { serviceAccount?: string }): string[] {
    return serviceAccount ? [`${namespace}/${serviceAccount}`] : [];
  }
}
