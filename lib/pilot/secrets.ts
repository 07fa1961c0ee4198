/** The certificates of a gateway's servers, from Secrets beside its Pods. */
import type { Secret } from '../api/kubernetes';
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { asksClients } from './gateway-tls';
import { type GatewayProxy, gatewayViewOf } from './gateway-view';
import type { Evaluation, Query } from './memo';
import { secretName, TRUST_SUFFIX, trustName } from './names';

type EnvoySecret = envoy.extensions.transport_sockets.tls.v3.Secret;

/** Only the Secrets that a server of this gateway names, and only from the namespace of its Pods. */
export function gatewaySecrets(evaluation: Evaluation, proxy: GatewayProxy): (EnvoyResource | undefined)[] {
  const { namespace, ports } = gatewayViewOf(evaluation, proxy);
  const certificates = new Set<string>();
  const trust = new Set<string>();
  for (const { servers } of ports) {
    for (const { kind, server } of servers) {
      const name = server.tls?.credentialName;
      if (!name || (kind !== 'https' && kind !== 'tls')) continue;
      certificates.add(name);
      if (asksClients(server.tls ?? {})) trust.add(name);
    }
  }
  const derive = (query: typeof secretQuery, name: string) =>
    evaluation.derive(query, `${namespace}|${name}`, { namespace, name });
  return [
    ...[...certificates].map((name) => derive(secretQuery, name)),
    ...[...trust].map((name) => derive(trustQuery, name)),
  ];
}

const secretQuery: Query<{ namespace: string; name: string }, EnvoyResource | undefined> = {
  name: 'secret',
  compute: (evaluation, { namespace, name }) => {
    const secret = evaluation.secret(namespace, name);
    const certificate = secret && certificateOf(secret);
    if (!certificate) return undefined;
    return evaluation.resource(TypeUrl.secret, secretName(name), () => ({ name: secretName(name), ...certificate }));
  },
};

/** Who may sign clients' certificates: in a Secret of its own, `<credential>-cacert`, or beside the certificate. */
const trustQuery: Query<{ namespace: string; name: string }, EnvoyResource | undefined> = {
  name: 'trust',
  compute: (evaluation, { namespace, name }) => {
    const own = evaluation.secret(namespace, name + TRUST_SUFFIX);
    const secret = own ?? evaluation.secret(namespace, name);
    const authorities = secret && (read(secret, 'ca.crt') ?? read(secret, 'cacert'));
    if (!authorities) return undefined;
    const revoked = read(secret, 'ca.crl');
    return evaluation.resource(TypeUrl.secret, trustName(name), () => ({
      name: trustName(name),
      validation_context: {
        trusted_ca: { inline_bytes: authorities },
        ...(revoked && { crl: { inline_bytes: revoked } }),
      },
    }));
  },
};

/** Keys as in `kubernetes.io/tls`, or the API's older `cert` and `key`. Undefined when one of the two is missing. */
function certificateOf(secret: Secret): Pick<EnvoySecret, 'tls_certificate'> | undefined {
  const chain = read(secret, 'tls.crt') ?? read(secret, 'cert');
  const key = read(secret, 'tls.key') ?? read(secret, 'key');
  if (!chain || !key) return undefined;
  return { tls_certificate: { certificate_chain: { inline_bytes: chain }, private_key: { inline_bytes: key } } };
}

/** A value of a Secret, in base64. */
function read({ data, stringData }: Secret, key: string): string | undefined {
  const text = stringData?.[key];
  return data?.[key] ?? (text === undefined ? undefined : Buffer.from(text).toString('base64'));
}
