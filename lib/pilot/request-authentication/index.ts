/** RequestAuthentication → Envoy's jwt_authn, and the clusters by which it fetches keys. */
export { jwksClusters } from './clusters';
export { requestAuthentication } from './filter';
