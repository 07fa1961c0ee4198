/**
 * Where the proxy of a workload finds its key and certificate. The volume `malha-identity` of its Pod tells: with a
 * podCertificate they are files that the kubelet keeps fresh; with a service-account token the control plane makes them,
 * and sends them over the stream that the token has opened. Machines without a Pod have the second way only.
 */
import type { WorkloadEntry } from '../api';
import type { Pod } from '../api/kubernetes';

/** `files`: in {@link IDENTITY_DIRECTORY}. `ads`: over the stream to the control plane. */
export type IdentitySource = 'files' | 'ads';

export const IDENTITY_VOLUME = 'malha-identity';

/** Where the volume is, in the proxy's container. */
export const IDENTITY_DIRECTORY = '/var/run/secrets/malha.dev/identity';

/** Names of the two secrets in Envoy, as on Istio: the workload's own, and the roots of the mesh. */
export const WORKLOAD_SECRET = 'default';
export const ROOT_SECRET = 'ROOTCA';

/** The files of the volume that hold the two as Envoy's file subscription reads them. */
export const SECRET_FILES = { [WORKLOAD_SECRET]: 'sds-default.json', [ROOT_SECRET]: 'sds-rootca.json' } as const;

interface ProjectedVolume {
  readonly name: string;
  readonly projected?: { readonly sources?: readonly Readonly<Record<string, unknown>>[] };
}

/** Undefined for a Pod that has no identity to show. */
export function identitySourceOf({ spec }: Pod): IdentitySource | undefined {
  const volumes = (spec?.volumes ?? []) as readonly ProjectedVolume[];
  const sources = volumes.find(({ name }) => name === IDENTITY_VOLUME)?.projected?.sources ?? [];
  if (sources.some((source) => source['podCertificate'])) return 'files';
  return sources.some((source) => source['serviceAccountToken']) ? 'ads' : undefined;
}

/** Undefined for a machine without an account: nobody can prove to be it. */
export function identitySourceOfEntry({ spec }: WorkloadEntry): IdentitySource | undefined {
  return spec.serviceAccount ? 'ads' : undefined;
}

/** The account that a Pod runs under. */
export function serviceAccountOf({ spec }: Pod): string {
  return spec?.serviceAccountName || 'default';
}
