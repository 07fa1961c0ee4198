/** The two images of the data plane: upstream Envoy by version, and ours, which redirects once and is gone. */

/** The version of this package; a test holds it to package.json, which pure code cannot read. */
export const MALHA_VERSION = '0.1.0';

/** Our image: control plane and `malha init`. */
export const MALHA_IMAGE = `ghcr.io/malha/malha:${MALHA_VERSION}`;

/** No shell, no package manager: a sidecar needs neither. */
export const ENVOY_IMAGE = 'envoyproxy/envoy:distroless-v1.40.0';

/** The same Envoy in its other images. */
export const ENVOY_VERSION_TAG = ENVOY_IMAGE.slice(ENVOY_IMAGE.lastIndexOf('-') + 1);
