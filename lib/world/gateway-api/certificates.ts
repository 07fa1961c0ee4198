/** Whether what a listener refers to holds certificates: Secrets for its own, ConfigMaps and Secrets for those who sign clients'. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ObjectReference, SecretObjectReference } from '../../api/gateway-api';
import type { ConfigMap, Secret } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import type { Problem } from './conditions';
import type { Lookup } from './lookup';

/** Marks a credential as `namespace/name` of any namespace: the reference was granted. Written objects cannot have it. */
export const GATEWAY_CREDENTIAL = 'kubernetes-gateway://';

export interface CheckedReference {
  /** `namespace/name`, when it is good. */
  readonly name?: string;
  readonly problem?: Problem;
}

/** @param owner the Gateway or ListenerSet that refers. */
export function checkCertificate(
  lookup: Lookup,
  owner: KubeObject,
  reference: SecretObjectReference,
): CheckedReference {
  const { group = '', kind = 'Secret', name } = reference;
  const target = placeOf(owner, reference);
  if (group !== '' || kind !== 'Secret') {
    return bad('InvalidCertificateRef', `certificates are in Secrets, got ${kind}${group && `.${group}`} ${name}`);
  }
  if (!mayRefer(lookup, owner, { group, kind, ...target })) return notPermitted(owner, kind, target);
  const secret = lookup.secret(target.namespace, name);
  if (!secret) return bad('InvalidCertificateRef', `there is no Secret ${target.namespace}/${name}`);
  const problem = problemOfPair(secret);
  if (problem) return bad('InvalidCertificateRef', `Secret ${target.namespace}/${name}: ${problem}`);
  return { name: `${target.namespace}/${name}` };
}

/** Who may have signed the certificates of clients; `ca.crt` of a ConfigMap or a Secret. */
export function checkAuthority(lookup: Lookup, owner: KubeObject, reference: ObjectReference): CheckedReference {
  const { group, kind, name } = reference;
  const target = placeOf(owner, reference);
  if (group !== '' || (kind !== 'ConfigMap' && kind !== 'Secret')) {
    return bad('InvalidCACertificateKind', `authorities are in ConfigMaps and Secrets, got ${kind} ${name}`);
  }
  if (!mayRefer(lookup, owner, { group, kind, ...target })) return notPermitted(owner, kind, target);
  const object = kind === 'Secret' ? lookup.secret(target.namespace, name) : lookup.configMap(target.namespace, name);
  const text = object && authorityOf(object);
  if (!text) return bad('InvalidCACertificateRef', `${kind} ${target.namespace}/${name} has no ca.crt`);
  if (!isCertificate(text))
    return bad('InvalidCACertificateRef', `ca.crt of ${kind} ${target.namespace}/${name} is no certificate`);
  return { name: `${target.namespace}/${name}` };
}

/** `ca.crt` as text. */
export function authorityOf(object: Secret | ConfigMap): string | undefined {
  if (object.kind === 'Secret') return secretText(object as Secret, 'ca.crt');
  return (object as ConfigMap).data?.['ca.crt'];
}

function placeOf(owner: KubeObject, reference: { namespace?: string; name: string }) {
  return { namespace: reference.namespace ?? owner.metadata.namespace ?? 'default', name: reference.name };
}

function mayRefer(
  lookup: Lookup,
  owner: KubeObject,
  to: { group: string; kind: string; namespace: string; name: string },
) {
  const namespace = owner.metadata.namespace ?? 'default';
  return lookup.grants.allow({ group: 'gateway.networking.k8s.io', kind: owner.kind, namespace }, to);
}

function notPermitted(owner: KubeObject, kind: string, { namespace, name }: { namespace: string; name: string }) {
  const from = `${owner.kind}s of ${owner.metadata.namespace ?? 'default'}`;
  return bad('RefNotPermitted', `no ReferenceGrant in ${namespace} lets ${from} refer to ${kind} ${name}`);
}

function bad(reason: string, message: string): CheckedReference {
  return { problem: { reason, message } };
}

const pairs = new WeakMap<Secret, string>();

/** Parsing is expensive, and Secrets are immutable. The empty text means that nothing is wrong. */
function problemOfPair(secret: Secret): string {
  let problem = pairs.get(secret);
  if (problem === undefined) {
    problem = checkPair(secret);
    pairs.set(secret, problem);
  }
  return problem;
}

function checkPair(secret: Secret): string {
  const chain = secretText(secret, 'tls.crt');
  const key = secretText(secret, 'tls.key');
  if (!chain || !key) return `${chain ? 'tls.key' : 'tls.crt'} is missing`;
  if (!isCertificate(chain)) return 'tls.crt is no certificate';
  try {
    return new X509Certificate(chain).checkPrivateKey(createPrivateKey(key)) ? '' : 'tls.key is not the key of tls.crt';
  } catch {
    return 'tls.key is no private key';
  }
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== undefined || true;
  } catch {
    return false;
  }
}

function secretText({ data, stringData }: Secret, key: string): string | undefined {
  const encoded = data?.[key];
  return stringData?.[key] ?? (encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString());
}
