/** Where the replicas of a mesh's control planes are, of one revision or of all, as the cluster's Services know them. */
import { CONTROL_PLANE_NAME, controlPlaneHost, controlPlaneName, REVISION_LABEL } from '../../lib/api/revisions';
import type { ReplicaAddress } from '../../lib/controllers/replica-answers';
import type { World } from '../../lib/world';

export const REPLICA_PORT = 15012;

/** The revisions of a mesh that have a Service, this one first. Undefined: the default one. */
export function revisionsOf(world: World, namespace: string, own?: string): (string | undefined)[] {
  const all = [...world.inventory.services.values()]
    .filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.['app'] === CONTROL_PLANE_NAME)
    .map(({ metadata: { name, labels } }) => (name === CONTROL_PLANE_NAME ? undefined : labels?.[REVISION_LABEL]))
    .filter((revision) => controlPlaneName(revision) !== controlPlaneName(own));
  return [own, ...all];
}

/** Of every replica of a revision that is ready. */
export function readyReplicas(world: World, namespace: string, revision?: string): string[] {
  const ready = slicesOf(world, namespace, revision).flatMap(({ addressType, endpoints }) =>
    (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.map((address) => atPort(addressType, address))),
  );
  return [...new Set(ready)].sort();
}

/** Every replica of a revision, by one address each: one that is not ready, or about to end, may still serve proxies. */
export function replicasOf(world: World, namespace: string, revision?: string): ReplicaAddress[] {
  const found = new Map<string, ReplicaAddress>();
  for (const { addressType, endpoints = [] } of slicesOf(world, namespace, revision)) {
    for (const { addresses, targetRef } of endpoints) {
      const address = atPort(addressType, addresses[0]!);
      const name = targetRef?.kind === 'Pod' ? targetRef.name : undefined;
      if (!found.has(name ?? address)) found.set(name ?? address, { name, address });
    }
  }
  return [...found.values()];
}

/** The name that the certificate of whoever is at an address has to have: its revision's. */
export function hostAt(world: World | undefined, namespace: string, address: string, own?: string): string {
  const revisions = world ? revisionsOf(world, namespace, own) : [];
  const isThere = (revision: string | undefined) =>
    slicesOf(world!, namespace, revision).some(({ addressType, endpoints }) =>
      endpoints?.some(({ addresses }) => addresses.some((each) => atPort(addressType, each) === address)),
    );
  return controlPlaneHost(namespace, revisions.find(isThere) ?? own);
}

const atPort = (addressType: string | undefined, address: string) =>
  `${addressType === 'IPv6' ? `[${address}]` : address}:${REPLICA_PORT}`;

const slicesOf = ({ inventory }: World, namespace: string, revision?: string) =>
  inventory.slices.get(`${namespace}/${controlPlaneName(revision)}`) ?? [];
