/**
 * What a control plane is told of its mesh: the mesh configuration (key `mesh` of ConfigMap `istio`, `istio-REVISION` of another
 * revision than the default one), and how its proxies reach it as members do. Each revision has its own, as on Istio, so that a new
 * version is tried with what it is meant to have.
 */
import { ApiObject, type Chart } from 'cdk8s';
import { ConfigMap } from 'cdk8s-plus-27';
import { stringify } from 'yaml';
import { DEFAULT_REVISION, MESH_CONFIG_NAME, ofRevision, REVISION_LABEL } from '../lib/api/revisions';
import type { AccessLog } from './access-log';
import type { ControlPlane } from './control-plane';
import type { OutboundPolicy } from './outbound-policy';
import type { SignedImages } from './signed-images';
import type { SpanSink } from './tracing';

export interface MeshConfigurationProps {
  readonly namespace: string;
  readonly tracing?: { readonly sink: SpanSink };
  readonly accessLogs: readonly AccessLog[];
  readonly outbound: OutboundPolicy;
  readonly trustDomain?: string;
  readonly images: readonly SignedImages[];
}

export const TRACES = 'traces';
const OBSERVED_CALLS = 'observed-calls';
const REQUEST_LINES = 'request-lines';

/** The names of the providers that requests are reported to. */
export function logProvidersOf({ accessLogs }: Pick<MeshConfigurationProps, 'accessLogs'>): string[] {
  const sinks = new Set(accessLogs.map(({ sink }) => sink));
  return [...(sinks.has('control-plane') ? [OBSERVED_CALLS] : []), ...(sinks.has('stdout') ? [REQUEST_LINES] : [])];
}

/** @returns the ConfigMap. */
export function meshConfiguration(chart: Chart, controlPlane: ControlPlane, props: MeshConfigurationProps): ApiObject {
  const { namespace, tracing, outbound, trustDomain, images } = props;
  const { revision } = controlPlane;
  const logs = logProvidersOf(props);
  const providers = [
    ...(tracing ? [traceProvider(tracing.sink)] : []),
    ...(logs.includes(OBSERVED_CALLS)
      ? [{ name: OBSERVED_CALLS, envoyHttpAls: { service: controlPlane.host, port: controlPlane.xdsTlsPort } }]
      : []),
    ...(logs.includes(REQUEST_LINES)
      ? [{ name: REQUEST_LINES, envoyFileAccessLog: { path: '/dev/stdout', logFormat: { labels: requestLine } } }]
      : []),
  ];
  const config = {
    rootNamespace: namespace,
    ...(trustDomain !== undefined && { trustDomain }),
    outboundTrafficPolicy: { mode: outbound.mode },
    // Only Malha knows it; elsewhere it is passed over.
    hostOwnership: 'enforce',
    ...(images.length > 0 && { imageSignatures: images.map(({ policy }) => policy) }),
    ...(providers.length > 0 && { extensionProviders: providers }),
  };
  const idOf = (id: string) => (revision === DEFAULT_REVISION ? id : `${id}-${revision}`);
  const labels = { [REVISION_LABEL]: revision };
  const configMap = new ConfigMap(chart, idOf('mesh-config'), {
    metadata: { name: ofRevision(MESH_CONFIG_NAME, revision), namespace, labels },
    data: { mesh: stringify(config, { lineWidth: 0 }) },
  });
  // The control plane has no sidecar, so nobody would show it a certificate unasked; access logs tell every path.
  new ApiObject(chart, idOf('control-plane-tls'), {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: controlPlane.name, namespace, labels },
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
  return ApiObject.of(configMap);
}

/** Zipkin's sidecars take and pass on W3C's context beside B3, so that a caller of either kind keeps its trace. */
function traceProvider({ host: service, port, form }: SpanSink) {
  return form === 'otlp'
    ? { name: TRACES, opentelemetry: { service, port } }
    : { name: TRACES, zipkin: { service, port, traceContextOption: 'USE_B3_WITH_W3C_PROPAGATION' } };
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
