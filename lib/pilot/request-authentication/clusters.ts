/** The clusters by which proxies fetch key sets of issuers that are no services of the mesh. */
import type { EnvoyResource } from '../../envoy/resource';
import { TypeUrl } from '../../envoy/type-url';
import { keyOf, type Viewer } from '../../world';
import type { Evaluation, Query } from '../memo';
import { jwtRulesOf } from './filter';
import { jwksCluster } from './jwks';

export function jwksClusters(
  evaluation: Evaluation,
  viewer: Viewer,
  names: readonly string[],
): (EnvoyResource | undefined)[] {
  const uris = jwtRulesOf(evaluation, names).flatMap(({ jwksUri, jwks_uri }) => jwksUri ?? jwks_uri ?? []);
  return [...new Set(uris)].map((uri) => evaluation.derive(jwksClusterQuery, keyOf(viewer, uri), { viewer, uri }));
}

const jwksClusterQuery: Query<{ viewer: Viewer; uri: string }, EnvoyResource | undefined> = {
  name: 'jwks cluster',
  compute: (evaluation, { viewer, uri }) => {
    const own = jwksCluster(evaluation, viewer, uri)?.own;
    return own && evaluation.resource(TypeUrl.cluster, own.name!, () => own);
  },
};
