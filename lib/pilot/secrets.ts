/** The certificates of a gateway's servers, from Secrets beside its Pods. */
import type { Secret } from '../api/kubernetes';
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { type GatewayProxy, gatewayViewOf } from './gateway-view';
import type { Evaluation, Query } from './memo';
import { secretName } from './names';

type EnvoySecret = envoy.extensions.transport_sockets.tls.v3.Secret;

/** Only the Secrets that a server of this gateway names, and only from the namespace of its Pods. */
export function gatewaySecrets(evaluation: Evaluation, proxy: GatewayProxy): (EnvoyResource | undefined)[] {
  const { namespace, ports } = gatewayViewOf(evaluation, proxy);
  const names = new Set<string>();
  for (const { servers } of ports) {
    for (const { kind, server } of servers) {
      if ((kind === 'https' || kind === 'tls') && server.tls?.credentialName) names.add(server.tls.credentialName);
    }
  }
  return [...names].map((name) => evaluation.derive(secretQuery, `${namespace}|${name}`, { namespace, name }));
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

/** Keys as in `kubernetes.io/tls`, or the API's older `cert` and `key`. Undefined when one of the two is missing. */
function certificateOf(secret: Secret): Pick<EnvoySecret, 'tls_certificate'> | undefined {
  const read = (key: string) =>
    secret.data?.[key] ??
    (secret.stringData?.[key] === undefined ? undefined : Buffer.from(secret.stringData[key]).toString('base64'));
  const chain = read('tls.crt') ?? read('cert');
  const key = read('tls.key') ?? read('key');
  if (!chain || !key) return undefined;
  return { tls_certificate: { certificate_chain: { inline_bytes: chain }, private_key: { inline_bytes: key } } };
}
