/** Settings of single proxies: the mesh's `defaultConfig`, and the annotation `proxy.istio.io/config` of a Pod. */
import { Type } from '@sinclair/typebox';
import {
  anyObject,
  choice,
  double,
  duration,
  flag,
  int32,
  map,
  message,
  type Static,
  text,
  textMap,
  texts,
  uint32,
  unserved,
} from '../schema';
import { CustomTag } from '../telemetry/telemetry';
import { ConnectionSettings } from './connection-settings';
import { ProxyHeaders } from './proxy-headers';

const unservedText = (description: string) => unserved(text(description));

export const MeshTracing = message(
  {
    zipkin: message({ address: text('`host:port` of the Zipkin service.') }, { description: 'Traces for Zipkin.' }),
    lightstep: unserved(anyObject('Traces for Lightstep. Deprecated.')),
    datadog: unserved(anyObject('Traces for Datadog.')),
    stackdriver: unserved(anyObject('Traces for Google Cloud.')),
    openCensusAgent: unserved(anyObject('Traces for an OpenCensus agent. Deprecated.')),
    customTags: map(CustomTag, 'Tags to add to each span, by their names, where no Telemetry has any.'),
    maxPathTagLength: uint32('The longest path that a span carries. Default 256.'),
    sampling: double('The share of requests that is traced, in percent. Default 1.', { minimum: 0, maximum: 100 }),
    tlsSettings: unserved(anyObject('TLS to the tracing service.')),
    enableIstioTags: unserved(flag("Whether spans carry the mesh's own tags. Default true.")),
  },
  {
    description: 'How requests are traced, where no Telemetry says so.',
    exclusive: [['zipkin', 'lightstep', 'datadog', 'stackdriver', 'openCensusAgent']],
  },
);
export type MeshTracing = Static<typeof MeshTracing>;

/** The two named ones steer the mesh; all others are for whatever in the proxy reads them, such as tags of traces. */
const ProxyMetadata = Type.Unsafe<Record<string, string>>({
  type: 'object',
  properties: {
    ISTIO_META_DNS_CAPTURE: text('`true`: sidecars answer DNS, for all names that the mesh knows.'),
    ISTIO_META_DNS_AUTO_ALLOCATE: text('`false`: hosts of ServiceEntries without addresses are given none.'),
  },
  additionalProperties: text('A variable.'),
  description: 'Environment variables for the proxy.',
});

export const MeshProxyConfig = message(
  {
    configPath: unservedText('Where an agent writes its configuration.'),
    binaryPath: unservedText('Where the proxy binary is.'),
    serviceCluster: unservedText('The name of the service in traces.'),
    tracingServiceName: unserved(
      choice(
        ['APP_LABEL_AND_NAMESPACE', 'CANONICAL_NAME_ONLY', 'CANONICAL_NAME_AND_NAMESPACE'],
        'How the name of the service in traces is made.',
      ),
    ),
    drainDuration: duration('Over how long connections drain. Default 45s.'),
    terminationDrainDuration: duration(
      'How long the proxy of a Pod that ends goes on at least. Default: 15s of gateways; a sidecar goes on until its application has ended.',
      0,
    ),
    discoveryAddress: unservedText('`host:port` of the control plane.'),
    statsdUdpAddress: unservedText('`host:port` of a statsd collector.'),
    proxyAdminPort: unserved(int32("The port of the proxy's own administration. Default 15000.")),
    controlPlaneAuthPolicy: unserved(choice(['NONE', 'MUTUAL_TLS', 'INHERIT'], 'TLS towards the control plane.')),
    customConfigFile: unservedText('A file with a bootstrap of your own.'),
    statNameLength: unserved(int32('The longest name of a statistic.')),
    concurrency: int32('Worker threads of the proxy; 0 is one per core. Default 2.', { minimum: 0 }),
    proxyBootstrapTemplatePath: unservedText('A file with a template for the bootstrap.'),
    interceptionMode: choice(
      ['REDIRECT', 'TPROXY', 'NONE'],
      'How traffic gets into the proxy: redirected, or by nobody. The annotation `sidecar.istio.io/interceptionMode` goes before.',
      { unservedValues: ['TPROXY'] },
    ),
    tracing: MeshTracing,
    sds: unserved(anyObject('Unused.')),
    envoyAccessLogService: unserved(anyObject('An access log service. See `extensionProviders`.')),
    envoyMetricsService: unserved(anyObject('A metrics service.')),
    proxyMetadata: ProxyMetadata,
    runtimeValues: textMap("Values for Envoy's runtime."),
    statusPort: unserved(int32('The port on which an agent tells its status.')),
    extraStatTags: texts('Further tags that metrics may have. Not needed here: tags of Telemetry may have any name.'),
    gatewayTopology: message(
      {
        numTrustedProxies: uint32('Trusted proxies in front of the gateways. Default 0.'),
        forwardClientCertDetails: choice(
          ['UNDEFINED', 'SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY'],
          'What happens to X-Forwarded-Client-Cert.',
        ),
        proxyProtocol: message({}, { description: 'Gateways expect the PROXY protocol.' }),
      },
      { description: 'What stands in front of the gateways.' },
    ),
    proxyStatsMatcher: message(
      {
        inclusionPrefixes: texts('Beginnings of names.'),
        inclusionSuffixes: texts('Ends of names.'),
        inclusionRegexps: texts('Regular expressions for names.'),
      },
      { description: 'Further statistics that the proxy keeps.' },
    ),
    readinessProbe: unserved(anyObject('A probe of the application, for workloads that are not Pods.')),
    holdApplicationUntilProxyStarts: flag('Start the application after the proxy. Always so: sidecars are native.'),
    caCertificatesPem: unserved(texts('Root certificates for the CA connection, in PEM.')),
    image: message(
      { imageType: text('The variant of Envoy: `default`, `debug` or `distroless` (the default).') },
      { description: 'The image of the proxy.' },
    ),
    privateKeyProvider: unserved(anyObject('Hardware for private keys.')),
    proxyHeaders: ProxyHeaders,
    connectionSettings: ConnectionSettings,
    fileFlushInterval: duration('How often log files are flushed. Default 10s.'),
    fileFlushMinSizeKb: uint32('How much is buffered before a log file is flushed, in KB. Default 64.'),
    statsCompression: unserved(flag('Whether statistics may be compressed.')),
    statsEvictionInterval: unserved(duration('After which time unused statistics are forgotten.', 0)),
    meshId: unservedText('The identity of the mesh in metadata.'),
  },
  { description: 'Settings of a proxy.' },
);
export type MeshProxyConfig = Static<typeof MeshProxyConfig>;
