/** Certificates and trust from Secrets beside the Pods of a proxy: of a gateway's servers, and of clients with their own. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { ConfigMap, Secret } from '../api/kubernetes';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { authorityOf, GATEWAY_CREDENTIAL, partsOf, partsOfName } from '../world';
import type { ClientView } from './client-view';
import { credentialsOf, trustOf } from './gateway-tls';
import { type GatewayProxy, gatewayViewOf } from './gateway-view';
import type { Evaluation, Query } from './memo';
import { secretName, TRUST_SUFFIX, trustName } from './names';
import { isCredentialed } from './outbound-target';
import { credentialsOfRules } from './traffic-policy';

/**
 * Only the Secrets that a server of this gateway names: from the namespace of its Pods, or, of the Gateway API, from
 * where its references lead and were granted.
 */
export function gatewaySecrets(evaluation: Evaluation, proxy: GatewayProxy): (EnvoyResource | undefined)[] {
  const { namespace, ports } = gatewayViewOf(evaluation, proxy);
  const certificates = new Set<string>();
  const trust = new Set<string>();
  for (const { kind, server } of ports.flatMap(({ servers }) => servers)) {
    if (!server.tls || (kind !== 'https' && kind !== 'tls')) continue;
    for (const name of credentialsOf(server.tls)) certificates.add(name);
    const trusted = trustOf(server.tls);
    if (trusted) trust.add(trusted);
  }
  return [
    ...[...certificates].map((credential) => {
      const place = grantedPlace(credential) ?? { namespace, name: credential };
      return evaluation.derive(secretQuery, `${credential}|${place.namespace}`, { credential, ...place });
    }),
    ...[...trust].map((credential) =>
      credential.startsWith(GATEWAY_CREDENTIAL)
        ? evaluation.derive(grantedTrustQuery, credential, credential)
        : evaluation.derive(trustQuery, `${namespace}|${credential}`, { namespace, name: credential }),
    ),
  ];
}

/** For BackendTLSPolicies: who may have signed the certificates of backends, and what a Gateway shows to them. */
export function backendSecrets(evaluation: Evaluation, view: ClientView): (EnvoyResource | undefined)[] {
  const trust = new Set<string>();
  for (const key of evaluation.backendTlsKeys()) {
    const [hostname, port] = partsOf(key, 2);
    const settings = evaluation.service(view.viewer, hostname) && evaluation.backendTls(hostname, Number(port));
    if (settings?.trust) trust.add(settings.trust);
  }
  const own = view.backendCertificate;
  const place = grantedPlace(own);
  return [
    ...[...trust].map((credential) => evaluation.derive(grantedTrustQuery, credential, credential)),
    ...(place ? [evaluation.derive(secretQuery, `${own}|${place.namespace}`, { credential: own, ...place })] : []),
  ];
}

/** Only the Secrets that DestinationRules name for this client, and only from its own namespace. */
export function clientSecrets(evaluation: Evaluation, view: ClientView): (EnvoyResource | undefined)[] {
  // Few meshes have any, and then there is no need to look at every service.
  if (!evaluation.hasClientCredentials()) return [];
  const { viewer, namespace } = view;
  const certificates = new Set<string>();
  const trust = new Set<string>();
  for (const { hostname } of evaluation.visibleServices(viewer)) {
    const rules = evaluation.destinationRules(viewer, hostname);
    if (!isCredentialed(view, rules)) continue;
    for (const { mode, credentialName, insecureSkipVerify } of credentialsOfRules(rules)) {
      if (mode === 'MUTUAL') certificates.add(credentialName!);
      if (!insecureSkipVerify) trust.add(credentialName!);
    }
  }
  return [
    ...[...certificates].map((name) =>
      evaluation.derive(secretQuery, `${name}|${namespace}`, { credential: name, namespace, name }),
    ),
    ...[...trust].map((name) => evaluation.derive(trustQuery, `${namespace}|${name}`, { namespace, name })),
  ];
}

/** Where a credential of the Gateway API is; undefined for all others. Servers with one were checked before. */
function grantedPlace(credential: string): { namespace: string; name: string } | undefined {
  if (!credential.startsWith(GATEWAY_CREDENTIAL)) return undefined;
  const [namespace, name] = partsOfName(credential.slice(GATEWAY_CREDENTIAL.length));
  return { namespace, name };
}

const secretQuery: Query<{ credential: string; namespace: string; name: string }, EnvoyResource | undefined> = {
  name: 'secret',
  compute: (evaluation, { credential, namespace, name }) => {
    const secret = evaluation.secret(namespace, name);
    const pair = secret && pairOf(secret);
    if (!pair) return undefined;
    return evaluation.resource(TypeUrl.secret, secretName(credential), () => {
      checkPair(pair, `Secret ${namespace}/${name}`);
      return {
        name: secretName(credential),
        tls_certificate: { certificate_chain: { inline_bytes: pair.chain }, private_key: { inline_bytes: pair.key } },
      };
    });
  },
};

/** Who may sign clients' certificates: in a Secret of its own, `<credential>-cacert`, or beside the certificate. */
const trustQuery: Query<{ namespace: string; name: string }, EnvoyResource | undefined> = {
  name: 'trust',
  compute: (evaluation, { namespace, name }) => {
    const own = evaluation.secret(namespace, name + TRUST_SUFFIX);
    const secret = own ?? evaluation.secret(namespace, name);
    const holder = secret ? dataOf(secret) : textsOf(evaluation.configMap(namespace, name));
    const authorities = holder('ca.crt') ?? holder('cacert');
    if (!authorities) return undefined;
    const revoked = holder('ca.crl');
    return evaluation.resource(TypeUrl.secret, trustName(name), () => {
      checkTrust(
        authorities,
        revoked,
        `${secret ? 'Secret' : 'ConfigMap'} ${namespace}/${secret?.metadata.name ?? name}`,
      );
      return {
        name: trustName(name),
        validation_context: {
          trusted_ca: { inline_bytes: authorities },
          ...(revoked && { crl: { inline_bytes: revoked } }),
        },
      };
    });
  },
};

/** Of the Gateway API: all the authorities that a Gateway names, each `KIND/namespace/name` with `ca.crt`. */
const grantedTrustQuery: Query<string, EnvoyResource | undefined> = {
  name: 'granted trust',
  compute: (evaluation, credential) => {
    const authorities = credential
      .slice(GATEWAY_CREDENTIAL.length)
      .split(',')
      .flatMap((reference) => {
        const [kind, namespace, name] = reference.split('/') as [string, string, string];
        const object = kind === 'Secret' ? evaluation.secret(namespace, name) : evaluation.configMap(namespace, name);
        return (object && authorityOf(object)) ?? [];
      });
    if (authorities.length === 0) return undefined;
    return evaluation.resource(TypeUrl.secret, trustName(credential), () => {
      const bytes = Buffer.from(authorities.join('\n')).toString('base64');
      return { name: trustName(credential), validation_context: { trusted_ca: { inline_bytes: bytes } } };
    });
  },
};

interface Pair {
  /** Both in base64. */
  readonly chain: string;
  readonly key: string;
}

/** Keys as in `kubernetes.io/tls`, or the API's older `cert` and `key`. Undefined when one of the two is missing. */
function pairOf(secret: Secret): Pair | undefined {
  const read = dataOf(secret);
  const chain = read('tls.crt') ?? read('cert');
  const key = read('tls.key') ?? read('key');
  return chain && key ? { chain, key } : undefined;
}

/** Values in base64, by key. */
type Data = (key: string) => string | undefined;

function dataOf({ data, stringData }: Secret): Data {
  return (key) => {
    const text = stringData?.[key];
    return data?.[key] ?? (text === undefined ? undefined : Buffer.from(text).toString('base64'));
  };
}

function textsOf(object: ConfigMap | undefined): Data {
  return (key) => {
    const text = object?.data?.[key];
    return text === undefined ? undefined : Buffer.from(text).toString('base64');
  };
}

/**
 * Envoy rejects a secret that it cannot read, and then its listener waits for a better one: so it is not sent.
 * @throws on what is no certificate or key, or a key of another certificate. Nothing of the key is in the message.
 */
function checkPair({ chain, key }: Pair, where: string): void {
  const certificate = certificateIn(chain, where);
  let own: KeyObject;
  try {
    own = createPrivateKey(Buffer.from(key, 'base64'));
  } catch {
    throw new Error(
      `${where}: tls.key is no private key in PEM without a passphrase; write one as openssl genpkey does`,
    );
  }
  if (!certificate.checkPrivateKey(own)) {
    throw new Error(`${where}: tls.key does not belong to the first certificate of tls.crt; write the two as a pair`);
  }
}

function checkTrust(authorities: string, revoked: string | undefined, where: string): void {
  certificateIn(authorities, where);
  if (revoked && !Buffer.from(revoked, 'base64').includes('-----BEGIN X509 CRL-----')) {
    throw new Error(`${where}: ca.crl is no list of revoked certificates in PEM; write -----BEGIN X509 CRL----- …`);
  }
}

function certificateIn(pem: string, where: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(pem, 'base64'));
  } catch {
    throw new Error(
      `${where}: what should be certificates in PEM begins with none; write -----BEGIN CERTIFICATE----- …`,
    );
  }
}
