/**
 * Injector: Pod → Pod with a sidecar. Pure; synthesis, `malha inject` and the webhook share it, so that a pod looks
 * the same whichever way it came.
 *
 * There is no agent: `istio-proxy` is the upstream Envoy image with a bootstrap in its arguments (JSON, because
 * Envoy's YAML reader takes `n` for false). `malha-init` writes the redirection and ends. Bounds: TCP over IPv4 and
 * IPv6 is captured; of UDP only DNS over IPv4, where it is asked for.
 */

export { IDENTITY_DIRECTORY, IDENTITY_VOLUME } from '../world';
export { type BootstrapOptions, bootstrap } from './bootstrap';
export { withBootstrapPatches } from './bootstrap-patch';
export {
  autoscaling,
  deploysItself,
  type GatewayWorkloadOptions,
  gatewayWorkload,
  REPLICAS_ANNOTATION,
  SERVICE_TYPE_ANNOTATION,
} from './gateway-workload';
export {
  controlPlaneService,
  identityAnnotations,
  identityMount,
  identityVolume,
  type ProxyIdentity,
  programVolume,
  provenCluster,
  ROOT_CONFIG_MAP,
  secretFiles,
  TOKEN_AUDIENCE,
} from './identity';
export { ENVOY_IMAGE, MALHA_IMAGE, MALHA_VERSION } from './images';
export { type Injectable, type InjectOptions, inject, injectIdentity, injectObject, redirectionOf } from './inject';
export {
  CONTROL_PLANE,
  gatewayContainer,
  INIT_CONTAINER,
  initContainer,
  PROXY_CONTAINER,
  type ProxyOptions,
  sidecarContainer,
} from './proxy-container';
export { ProxyPort } from './proxy-port';
export {
  inboundSource,
  parsePorts,
  parseRanges,
  type RedirectionOptions,
  redirectionArgs,
  redirectionRules,
} from './redirection';
export { type Standby, standbyIn, standbyName } from './standby';
export { workloadNameOf } from './workload-name';
