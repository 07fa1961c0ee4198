/** PeerAuthentication: whether workloads take plain traffic. https://istio.io/latest/docs/reference/config/security/peer_authentication/ */
import { securityKind } from '../kind';
import type { KubeObject } from '../object';
import { choice, map, message, type Static } from '../schema';
import { WorkloadSelector } from '../selector';

export const PeerAuthenticationMode = message(
  {
    mode: choice(
      ['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'],
      'STRICT: only mutual TLS. PERMISSIVE: both. DISABLE: plain only. UNSET: as the policy above says, else PERMISSIVE.',
    ),
  },
  { description: 'Which traffic is taken.' },
);
export type PeerAuthenticationMode = Static<typeof PeerAuthenticationMode>;

export const PeerAuthenticationSpec = message(
  {
    selector: WorkloadSelector,
    mtls: PeerAuthenticationMode,
    portLevelMtls: map(PeerAuthenticationMode, 'Exceptions for single ports of the workload. Needs a selector.', {
      minProperties: 1,
    }),
  },
  { description: 'Which traffic workloads take.' },
);
export type PeerAuthenticationSpec = Static<typeof PeerAuthenticationSpec>;
export type PeerAuthentication = KubeObject<PeerAuthenticationSpec>;

export const PeerAuthentication = securityKind({
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  shortNames: ['pa'],
  description: 'Whether workloads take plain traffic, mutual TLS, or both.',
  schema: PeerAuthenticationSpec,
  printerColumns: [
    { name: 'Mode', type: 'string', jsonPath: '.spec.mtls.mode', description: 'Which traffic is taken' },
  ],
});
