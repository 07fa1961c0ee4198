/** The clusters by which a proxy fetches the keys of those who issue tokens. */
import type { EnvoyResource } from '../../envoy/resource';
import type { Evaluation } from '../memo';
import { jwksClusters } from '../request-authentication';
import type { AuthorizationView } from './view';

export function issuerClusters(evaluation: Evaluation, view: AuthorizationView): (EnvoyResource | undefined)[] {
  return jwksClusters(evaluation, view.viewer, view.authentications);
}
