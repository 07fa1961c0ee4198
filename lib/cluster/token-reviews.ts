/** TokenReview of authentication.k8s.io/v1: the API server says whose a token is, and whether its Pod still lives. */
import type { TokenReviewApi, TokenReviewStatus } from '../citadel/token-reviewer';
import type { KubeClient } from '../discovery/kubernetes';

export function clusterTokenReviews(api: Pick<KubeClient, 'request'>): TokenReviewApi {
  return async (spec) => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec };
    const path = '/apis/authentication.k8s.io/v1/tokenreviews';
    const { status } = await api.request<{ status?: TokenReviewStatus }>('POST', path, { body });
    return status ?? {};
  };
}
