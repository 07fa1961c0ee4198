/** What happens to traffic after routing: balancing, bounds, ejection, TLS. */
import {
  choice,
  double,
  duration,
  flag,
  int32,
  list,
  message,
  type Static,
  text,
  texts,
  uint32,
  unserved,
} from '../schema';
import { ConnectionPoolSettings } from './connection-pool';
import { PortSelector } from './destination';
import { LoadBalancerSettings } from './load-balancing';

export const OutlierDetection = message(
  {
    consecutive5xxErrors: uint32(
      '5xx answers in a row after which an endpoint is ejected. 0 switches it off. Default 5.',
    ),
    consecutiveGatewayErrors: uint32(
      '502, 503 and 504 answers in a row after which an endpoint is ejected. Default 0, off.',
    ),
    consecutiveErrors: unserved(int32('Deprecated; use the fields above.')),
    splitExternalLocalOriginErrors: flag('Count connection failures apart from answers.'),
    consecutiveLocalOriginFailures: uint32(
      'Connection failures in a row after which an endpoint is ejected, with the split. Default 5.',
    ),
    interval: duration('The time between two analyses. Default 10s.'),
    baseEjectionTime: duration('The least time of ejection; it is multiplied by the number of ejections. Default 30s.'),
    maxEjectionPercent: int32('The most endpoints, in percent, that may be ejected at once. Default 10.'),
    minHealthPercent: int32(
      'The share of healthy endpoints below which nothing is ejected and all endpoints are used. Default 0.',
    ),
    outlierDetectionHttpErrorCodes: list(
      uint32('A status code.', { minimum: 100, maximum: 599 }),
      'Status codes that count as errors, in place of 5xx. Only for HTTP.',
    ),
  },
  { description: 'Endpoints that fail are taken out for a time.' },
);
export type OutlierDetection = Static<typeof OutlierDetection>;

export const ClientTLSSettings = message(
  {
    mode: choice(
      ['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'],
      'DISABLE: plain. SIMPLE: TLS. MUTUAL: TLS with a client certificate of your own. ISTIO_MUTUAL: with the certificate of the workload.',
    ),
    clientCertificate: text('A file in the proxy with the client certificate.'),
    privateKey: text('A file in the proxy with the private key.'),
    caCertificates: text(
      "A file in the proxy with the certificates of those who may sign the server's. Default: the system's.",
    ),
    credentialName: text('The Secret with the certificates, for gateways and for sidecars with a workload selector.'),
    subjectAltNames: texts("Names of which the server's certificate has to carry one."),
    sni: text('The server name to ask for.'),
    insecureSkipVerify: flag('Trust any certificate of the server.'),
    caCrl: text('A file in the proxy with a certificate revocation list.'),
  },
  { description: 'TLS towards the service.' },
);
export type ClientTLSSettings = Static<typeof ClientTLSSettings>;

export const PortTrafficPolicy = message(
  {
    port: PortSelector,
    loadBalancer: LoadBalancerSettings,
    connectionPool: ConnectionPoolSettings,
    outlierDetection: OutlierDetection,
    tls: ClientTLSSettings,
  },
  {
    description:
      'The policy for one port. It replaces the policy above as a whole: a field left out here has its default.',
  },
);
export type PortTrafficPolicy = Static<typeof PortTrafficPolicy>;

export const Tunnel = message(
  {
    protocol: text('CONNECT (the default) or POST.'),
    targetHost: text('The host to which the tunnel leads.'),
    targetPort: uint32('The port to which the tunnel leads.'),
  },
  { description: 'TCP is carried through an HTTP tunnel.', required: ['targetHost', 'targetPort'] },
);
export type Tunnel = Static<typeof Tunnel>;

export const ProxyProtocol = message(
  { version: choice(['V1', 'V2'], 'The version. Default V1.') },
  { description: 'The address of the client is told by the PROXY protocol.' },
);
export type ProxyProtocol = Static<typeof ProxyProtocol>;

export const RetryBudget = message(
  {
    percent: double('The share of requests that may be retries. Default 20.', { minimum: 0, maximum: 100 }),
    minRetryConcurrency: uint32('Retries that are always allowed at once. Default 3.'),
    budgetInterval: duration(
      'The time over which requests are counted. Default 0s: those that are under way. Envoys that do not know it go by the default.',
      0,
    ),
  },
  { description: 'Bounds retries by the number of requests.' },
);
export type RetryBudget = Static<typeof RetryBudget>;

export const TrafficPolicy = message(
  {
    loadBalancer: LoadBalancerSettings,
    connectionPool: ConnectionPoolSettings,
    outlierDetection: OutlierDetection,
    tls: ClientTLSSettings,
    portLevelSettings: list(PortTrafficPolicy, 'Policies for single ports.', { maxItems: 4096 }),
    tunnel: Tunnel,
    proxyProtocol: ProxyProtocol,
    retryBudget: RetryBudget,
  },
  { description: 'What is done with the traffic to a service or a subset of it.' },
);
export type TrafficPolicy = Static<typeof TrafficPolicy>;
