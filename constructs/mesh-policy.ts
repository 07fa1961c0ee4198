/**
 * What holds for every member, whichever control plane it has, as objects that also mean the same on upstream Istio: of the root
 * namespace a PeerAuthentication, an AuthorizationPolicy and a Telemetry.
 */
import { ApiObject, type Chart } from 'cdk8s';
import type { MtlsMode, UndeclaredCalls } from './identity';
import { logProvidersOf, type MeshConfigurationProps, TRACES } from './mesh-configuration';
import { namespaceMtls } from './peer-authentication';
import type { Percent } from './units';

export interface MeshPolicyProps extends Omit<MeshConfigurationProps, 'tracing'> {
  readonly tracing?: MeshConfigurationProps['tracing'] & { readonly sampling: Percent };
  readonly mtls: MtlsMode;
  readonly undeclaredCalls: UndeclaredCalls;
}

export function meshPolicy(chart: Chart, props: MeshPolicyProps): void {
  const { namespace, tracing } = props;
  zeroTrust(chart, props);

  const logProviders = logProvidersOf(props);
  if (!tracing && logProviders.length === 0) return;
  new ApiObject(chart, 'telemetry', {
    apiVersion: 'telemetry.istio.io/v1',
    kind: 'Telemetry',
    metadata: { name: 'mesh-default', namespace },
    spec: {
      tracing: tracing && [{ providers: [{ name: TRACES }], randomSamplingPercentage: tracing.sampling.value }],
      accessLogging: logProviders.length > 0 ? [{ providers: logProviders.map((name) => ({ name })) }] : undefined,
    },
  });
}

/**
 * No request without an identity, and none that nobody has declared. What is not ours to decide is left to the API: policies of
 * the root namespace are for all namespaces, those of a namespace or service come before.
 */
function zeroTrust(chart: Chart, { namespace, mtls, undeclaredCalls }: MeshPolicyProps): void {
  namespaceMtls(chart, 'mtls', namespace, mtls);
  if (undeclaredCalls.areRefused) {
    new ApiObject(chart, 'undeclared-calls', {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'allow-nothing', namespace },
      spec: {},
    });
  }
}
