/**
 * MeshConfig: settings of the mesh as a whole. Not a kind of object: it is YAML under the key `mesh` of the ConfigMap
 * `istio` in the root namespace, or a file. https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
 */
import { TcpKeepalive } from '../networking/connection-pool';
import { HTTPRetry } from '../networking/http-route';
import { LocalityLoadBalancerSetting } from '../networking/load-balancing';
import { anyObject, choice, duration, flag, int32, list, message, type Static, text, texts, unserved } from '../schema';
import { LabelSelector } from '../selector';
import { ExtensionProvider } from './extension-provider';
import { MeshProxyConfig } from './proxy-config';

const exportTo = (what: string) =>
  texts(`Namespaces that see ${what} without an exportTo of its own: \`.\`, \`*\` (the default), \`~\`, or names.`);

export const DefaultProviders = message(
  {
    tracing: texts('Providers for traces.'),
    metrics: texts('Providers for metrics.'),
    accessLogging: texts('Providers for access logs.'),
  },
  { description: 'The providers that hold where no Telemetry names others.' },
);
export type DefaultProviders = Static<typeof DefaultProviders>;

const tlsVersion = choice(['TLS_AUTO', 'TLSV1_2', 'TLSV1_3'], 'The oldest version. Default TLSV1_2.');
const ecdhCurves = texts("Elliptic curves, in order of preference. Default: the proxy's.");
const cipherSuites = texts("Cipher suites for TLS up to 1.2, in order of preference. Default: the proxy's.");

const outboundTrafficMode = (description: string) =>
  message(
    {
      mode: choice(
        ['REGISTRY_ONLY', 'ALLOW_ANY', 'ALLOW_ANY_DYNAMIC_DNS'],
        'Drop, pass on to the address that was meant, or resolve the authority of HTTP requests. Default ALLOW_ANY.',
      ),
    },
    { description },
  );

export const ImageSignaturePolicy = message(
  {
    image: text(
      'The registry and the beginning of the repository, by whole parts, such as `registry.example.com/filters`; `*` for all. The longest that holds decides.',
      {
        minLength: 1,
        maxLength: 512,
      },
    ),
    publicKeys: list(
      text('A public key in PEM, as `cosign generate-key-pair` writes it: ECDSA, Ed25519 or RSA.', { maxLength: 4096 }),
      'One of these has to have signed the image with `cosign sign`.',
      { maxItems: 16 },
    ),
    allowUnsigned: flag('No signature is needed; only where there are no publicKeys.'),
  },
  { description: 'Who has to have signed images.', required: ['image'] },
);
export type ImageSignaturePolicy = Static<typeof ImageSignaturePolicy>;

export const MeshConfig = message(
  {
    proxyListenPort: unserved(int32('The port for outgoing traffic. Default 15001.')),
    proxyInboundListenPort: unserved(int32('The port for incoming traffic. Default 15006.')),
    proxyHttpPort: int32('The port on which sidecars act as an HTTP proxy; 0, the default, means not.', {
      minimum: 0,
      maximum: 65535,
    }),
    connectTimeout: duration('How long connecting may take. Default 10s.'),
    protocolDetectionTimeout: duration('How long the first bytes are waited for. Default 0s, no limit.', 0),
    tcpKeepalive: TcpKeepalive,
    hboneIdleTimeout: unserved(duration('After which idle time a tunnel is closed. Default 1h.', 0)),
    ingressClass: text('The class of Ingress objects to serve. Default istio.'),
    ingressService: text(
      'The Service of the root namespace whose addresses Ingress objects get. Default: the Services of the gateways that serve them.',
    ),
    ingressControllerMode: choice(
      ['UNSPECIFIED', 'OFF', 'DEFAULT', 'STRICT'],
      'Which Ingress objects are served: none, those of the class and those without one, or only those of the class. Default STRICT.',
    ),
    ingressSelector: text('The label `istio` of the gateways that serve Ingress objects. Default ingressgateway.'),
    enableTracing: flag('Trace with the settings of `defaultConfig.tracing`.'),
    accessLogFile: text('The file that access logs go to, such as /dev/stdout. Empty, the default, means none.'),
    accessLogFormat: text("The format of access logs, with Envoy's command operators."),
    accessLogEncoding: choice(['TEXT', 'JSON'], 'The encoding of access logs. Default TEXT.'),
    enableEnvoyAccessLogService: unserved(
      flag('Send logs to `defaultConfig.envoyAccessLogService`. See `extensionProviders`.'),
    ),
    disableEnvoyListenerLog: unserved(flag('Keep no logs of connections without a filter chain.')),
    defaultConfig: MeshProxyConfig,
    outboundTrafficPolicy: outboundTrafficMode('What sidecars do with traffic to unknown destinations.'),
    inboundTrafficPolicy: unserved(
      message(
        { mode: choice(['PASSTHROUGH', 'LOCALHOST'], 'The address that the workload sees.') },
        { description: 'How traffic enters workloads.' },
      ),
    ),
    configSources: unserved(list(anyObject('A source.'), 'Where objects come from.')),
    enableAutoMtls: flag(
      'Use mutual TLS where the other side takes it and no DestinationRule says otherwise. Default true.',
    ),
    trustDomain: text('The trust domain of identities. Default cluster.local.'),
    trustDomainAliases: texts('Trust domains that mean the same.'),
    caCertificates: unserved(
      list(anyObject('A certificate, or where it is found.'), 'Further root certificates for workloads.'),
    ),
    defaultServiceExportTo: exportTo('a service'),
    defaultVirtualServiceExportTo: exportTo('a VirtualService'),
    defaultDestinationRuleExportTo: exportTo('a DestinationRule'),
    rootNamespace: text('The namespace whose objects hold for all namespaces. Default istio-system.'),
    localityLbSetting: LocalityLoadBalancerSetting,
    dnsRefreshRate: duration('How often names are resolved. Default 60s.'),
    h2UpgradePolicy: choice(['DO_NOT_UPGRADE', 'UPGRADE'], 'Whether HTTP/1.1 is upgraded to HTTP/2 between proxies.'),
    inboundClusterStatName: unserved(text('The pattern for names of statistics of incoming traffic.')),
    outboundClusterStatName: unserved(text('The pattern for names of statistics of outgoing traffic.')),
    certificates: unserved(list(anyObject('A certificate.'), 'Unused.')),
    thriftConfig: unserved(anyObject('Unused.')),
    serviceSettings: list(
      message(
        {
          settings: message(
            { clusterLocal: flag('Only endpoints of the same cluster. Always so: a mesh is one cluster.') },
            { description: 'What holds for them.' },
          ),
          hosts: texts('Hosts of services, with `*.` for all below.'),
        },
        { description: 'Settings of some services.' },
      ),
      'Which services are only reached in their own cluster.',
    ),
    serviceScopeConfigs: unserved(list(anyObject('A scope.'), 'Which services other clusters see.')),
    enablePrometheusMerge: unserved(flag('Serve the metrics of proxy and application together.')),
    verifyCertificateAtClient: unserved(flag('Deprecated; has no effect.')),
    ca: unserved(anyObject('A CA elsewhere.')),
    extensionProviders: list(ExtensionProvider, 'Services that proxies send logs, traces and questions to.'),
    defaultProviders: DefaultProviders,
    discoverySelectors: list(LabelSelector, 'The namespaces that the mesh looks at, beside the root. Default: all.'),
    pathNormalization: message(
      {
        normalization: choice(
          ['DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'],
          'How far paths are normalized. Default BASE.',
        ),
      },
      { description: 'How paths are made comparable before policies see them.' },
    ),
    defaultHttpRetryPolicy: HTTPRetry,
    hostOwnership: choice(
      ['warn', 'enforce'],
      "Malha's own. What comes of a VirtualService that takes a host of another namespace and is exported beyond its own, without a ReferenceGrant: it is told of (the default), or sidecars do not get it.",
    ),
    imageSignatures: list(
      ImageSignaturePolicy,
      "Malha's own. Which images of WebAssembly modules have to be signed, and by whom. Where there is any entry, an image for which none holds is not served. Default: none has to be.",
      { maxItems: 256 },
    ),
    meshMTLS: message(
      { minProtocolVersion: tlsVersion, ecdhCurves: unserved(ecdhCurves), cipherSuites },
      { description: 'Mutual TLS between workloads, of clients and servers.' },
    ),
    tlsDefaults: message(
      { minProtocolVersion: tlsVersion, ecdhCurves, cipherSuites },
      {
        description:
          'TLS with everyone else: of clients, and of the servers of Gateways that do not say it themselves.',
      },
    ),
  },
  { description: 'Settings of the mesh as a whole.' },
);
export type MeshConfig = Static<typeof MeshConfig>;
