/**
 * Codes of Istio that nothing here gives, and why. From Istio's list of messages (`pkg/config/analysis/msg/messages.yaml`, where retired
 * codes are kept as remarks) and its page of each (https://istio.io/latest/docs/reference/config/analysis/).
 */
const RETIRED = 'Istio has retired it.';
const AUTHENTICATION_V1ALPHA1 =
  'Istio looks for it in Policies of `authentication.istio.io/v1alpha1`, which it no longer has.';
const UPGRADE = "it is about an upgrade of Istio's own control plane (`istioctl x precheck`).";

export const codesNotGiven: Readonly<Record<string, string>> = {
  IST0001: "A mistake of Istio's own tools. One of Malha's is `MAL0016`, or `MAL0061` in a plugin.",
  IST0104: RETIRED,
  IST0105: RETIRED,
  IST0113: `MTLSPolicyConflict: ${AUTHENTICATION_V1ALPHA1}`,
  IST0114: RETIRED,
  IST0115: RETIRED,
  IST0117: RETIRED,
  IST0119: `JwtFailureDueToInvalidServicePortPrefix: ${AUTHENTICATION_V1ALPHA1}`,
  IST0120: RETIRED,
  IST0121: RETIRED,
  IST0122: 'InvalidRegexp: told as an error of its field, `IST0106`.',
  IST0124: "Not in Istio's list.",
  IST0141: 'InsufficientPermissions: it is about installing Istio. `malha check` looks at a cluster for Malha.',
  IST0142: 'UnsupportedKubernetesVersion: it is about installing Istio. `malha check` looks at a cluster for Malha.',
  IST0143: 'LocalhostListener: which addresses a program listens on is seen in a running Pod only.',
  IST0156: 'UnsupportedGatewayAPIVersion: told for each definition, as `IST0176`.',
  IST0168: `UnknownUpgradeCompatibility: ${UPGRADE}`,
  IST0169: `UpdateIncompatibility: ${UPGRADE}`,
  IST0170: 'MultiClusterInconsistentService: it takes the Services of several clusters side by side.',
  IST0172: "Not found in Istio's documentation.",
};
