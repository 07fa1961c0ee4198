/** TLS as a server: for Gateways, and for the ingress listeners of a Sidecar. */
import { choice, flag, list, message, type Static, text, texts } from '../schema';

const VERSIONS = ['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'] as const;

export const ServerTLSSettings = message(
  {
    httpsRedirect: flag('Answer every plain HTTP request with a redirect to HTTPS.'),
    mode: choice(
      ['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'],
      'How TLS is handled: terminated (SIMPLE, the certificate of the server only), with client certificates, with those of the mesh (ISTIO_MUTUAL), or passed through.',
    ),
    serverCertificate: text('A file in the proxy with the server certificate. Read once; Secrets may change.'),
    privateKey: text('A file in the proxy with the private key.'),
    caCertificates: text("A file in the proxy with the certificates of those who may sign the clients'."),
    caCrl: text('A file in the proxy with a certificate revocation list.'),
    tlsCertificates: list(
      message(
        {
          serverCertificate: text('A file in the proxy with the server certificate.'),
          privateKey: text('A file in the proxy with the private key.'),
          caCertificates: text("A file in the proxy with the certificates of those who may sign the clients'."),
        },
        { description: 'One certificate and its key.' },
      ),
      'Several certificates of different kinds, RSA and ECDSA.',
      { minItems: 1 },
    ),
    credentialName: text(
      "The Secret (kubernetes.io/tls, or with the keys `tls.crt` and `tls.key`) in the namespace of the gateway's Pods.",
    ),
    credentialNames: texts('Several Secrets, for certificates of different kinds.', { minItems: 1, maxItems: 2 }),
    caCertCredentialName: text("A Secret or ConfigMap with the certificates of those who may sign the clients'."),
    subjectAltNames: texts("Names of which the client's certificate has to carry one."),
    verifyCertificateSpki: texts('Base64 SHA-256 hashes of public keys that clients may have.'),
    verifyCertificateHash: texts('Hex SHA-256 hashes of certificates that clients may have.'),
    minProtocolVersion: choice(VERSIONS, 'The oldest version. Default TLSV1_2.'),
    maxProtocolVersion: choice(VERSIONS, 'The newest version. Default: the newest that the proxy knows.'),
    cipherSuites: texts("Cipher suites for TLS up to 1.2, in order of preference. Default: the proxy's."),
    ecdhCurves: texts("Elliptic curves, in order of preference. Default: the proxy's."),
    insecureSkipVerify: flag('Trust any certificate of a client.'),
  },
  {
    description: 'TLS on a port of a gateway.',
    exclusive: [
      ['credentialName', 'credentialNames'],
      ['credentialNames', 'tlsCertificates'],
    ],
  },
);
export type ServerTLSSettings = Static<typeof ServerTLSSettings>;
