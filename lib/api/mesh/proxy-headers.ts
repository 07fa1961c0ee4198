/**
 * Which headers a proxy writes of its own accord.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig-ProxyHeaders
 */
import { choice, flag, message, type Static, text, unserved } from '../schema';

const off = (description: string, what: string) => message({ disabled: flag(what) }, { description });

export const ProxyHeaders = message(
  {
    forwardedClientCert: choice(
      ['UNDEFINED', 'SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY'],
      'What sidecars do with X-Forwarded-Client-Cert of requests to their application; for gateways see `gatewayTopology`. Default APPEND_FORWARD.',
    ),
    setCurrentClientCertDetails: message(
      {
        subject: flag('The subject. Default true.'),
        cert: flag('The certificate itself. Default false.'),
        chain: flag('The certificate with its chain. Default false.'),
        dns: flag('The DNS names. Default true.'),
        uri: flag('The URIs. Default true.'),
      },
      { description: "What X-Forwarded-Client-Cert tells of the client's certificate." },
    ),
    requestId: off('X-Request-Id.', 'Make none; one that is there stays. Traces and logs go by it. Default false.'),
    server: message(
      {
        disabled: flag('Leave the header as the application wrote it. Default false.'),
        value: text('What sidecars of servers, and gateways, call themselves. Default istio-envoy.'),
      },
      { description: 'The header Server of answers.' },
    ),
    attemptCount: off('X-Envoy-Attempt-Count.', 'Do not count attempts. Default false.'),
    envoyDebugHeaders: off(
      'X-Envoy-Overloaded, X-Envoy-Upstream-Service-Time and their like.',
      'Write none of them. Default false.',
    ),
    metadataExchangeHeaders: message(
      { mode: choice(['UNDEFINED', 'IN_MESH'], 'To whom. Always IN_MESH: nobody outside of the mesh is told.') },
      { description: 'What proxies tell each other of their workloads.' },
    ),
    preserveHttp1HeaderCase: unserved(flag('Keep the case of the names of headers of HTTP/1. Default false.')),
    xForwardedHost: unserved(
      message({ enabled: flag('Write it. Default false.') }, { description: 'X-Forwarded-Host of rewritten hosts.' }),
    ),
    xForwardedPort: message(
      { enabled: flag('Write it. Default false.') },
      { description: 'X-Forwarded-Port, the port that the client connected to.' },
    ),
  },
  { description: 'Which headers the proxy writes of its own accord.' },
);
export type ProxyHeaders = Static<typeof ProxyHeaders>;
