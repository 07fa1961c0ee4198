/**
 * What holds for every member, as objects that also mean the same on upstream Istio: the mesh configuration
 * (ConfigMap `istio`, key `mesh`), and of the root namespace a PeerAuthentication, an AuthorizationPolicy and a Telemetry.
 */
import { ApiObject, type Chart } from 'cdk8s';
import { ConfigMap } from 'cdk8s-plus-27';
import { stringify } from 'yaml';
import type { AccessLog } from './access-log';
import type { ControlPlane } from './control-plane';
import type { MtlsMode, UndeclaredCalls } from './identity';
import type { OutboundPolicy } from './outbound-policy';
import { namespaceMtls } from './peer-authentication';
import type { SpanSink } from './tracing';
import type { Percent } from './units';

export interface MeshPolicyProps {
  readonly namespace: string;
  readonly controlPlane: ControlPlane;
  readonly tracing?: { readonly sink: SpanSink; readonly sampling: Percent };
  readonly accessLogs: readonly AccessLog[];
  readonly outbound: OutboundPolicy;
  readonly mtls: MtlsMode;
  readonly undeclaredCalls: UndeclaredCalls;
  readonly trustDomain?: string;
}

const TRACES = 'traces';
const OBSERVED_CALLS = 'observed-calls';
const REQUEST_LINES = 'request-lines';

export function meshPolicy(chart: Chart, props: MeshPolicyProps): void {
  const { namespace, tracing, outbound } = props;
  const logs = new Set(props.accessLogs.map(({ sink }) => sink));
  const providers = [
    ...(tracing ? [traceProvider(tracing.sink)] : []),
    ...(logs.has('control-plane')
      ? [
          {
            name: OBSERVED_CALLS,
            envoyHttpAls: { service: props.controlPlane.host, port: props.controlPlane.xdsTlsPort },
          },
        ]
      : []),
    ...(logs.has('stdout')
      ? [{ name: REQUEST_LINES, envoyFileAccessLog: { path: '/dev/stdout', logFormat: { labels: requestLine } } }]
      : []),
  ];
  const config = {
    rootNamespace: namespace,
    ...(props.trustDomain !== undefined && { trustDomain: props.trustDomain }),
    outboundTrafficPolicy: { mode: outbound.mode },
    // Only Malha knows it; elsewhere it is passed over.
    hostOwnership: 'enforce',
    ...(providers.length > 0 && { extensionProviders: providers }),
  };
  new ConfigMap(chart, 'mesh-config', {
    metadata: { name: 'istio', namespace },
    data: { mesh: stringify(config, { lineWidth: 0 }) },
  });

  zeroTrust(chart, props);

  const logProviders = providers.map(({ name }) => name).filter((name) => name !== TRACES);
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

/** Zipkin's sidecars take and pass on W3C's context beside B3, so that a caller of either kind keeps its trace. */
function traceProvider({ host: service, port, form }: SpanSink) {
  return form === 'otlp'
    ? { name: TRACES, opentelemetry: { service, port } }
    : { name: TRACES, zipkin: { service, port, traceContextOption: 'USE_B3_WITH_W3C_PROPAGATION' } };
}

/**
 * No request without an identity, and none that nobody has declared. What is not ours to decide is left to the API: policies of
 * the root namespace are for all namespaces, those of a namespace or service come before.
 */
function zeroTrust(chart: Chart, { namespace, mtls, undeclaredCalls, controlPlane }: MeshPolicyProps): void {
  namespaceMtls(chart, 'mtls', namespace, mtls);
  if (undeclaredCalls.areRefused) {
    new ApiObject(chart, 'undeclared-calls', {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'allow-nothing', namespace },
      spec: {},
    });
  }
  // The control plane has no sidecar, so nobody would show it a certificate unasked; access logs tell every path.
  new ApiObject(chart, 'control-plane-tls', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'malha-control-plane', namespace },
    spec: {
      host: controlPlane.host,
      trafficPolicy: {
        portLevelSettings: [
          {
            port: { number: controlPlane.xdsTlsPort },
            tls: { mode: 'ISTIO_MUTUAL', subjectAltNames: [controlPlane.host] },
          },
        ],
      },
    },
  });
}

/** What a request line says, in Envoy's command operators; JSON keeps hostile paths from forging lines. */
const requestLine: Record<string, string> = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  duration: '%DURATION%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  authority: '%REQ(:AUTHORITY)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  upstream_host: '%UPSTREAM_HOST%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  route_name: '%ROUTE_NAME%',
};
