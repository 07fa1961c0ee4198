/** Certificates that others show: whom they speak for, and whether they are to be believed now. */
import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import * as asn from '@peculiar/asn1-x509';
import { type Identity, parseIdentity } from '../world';

/** A certificate that proves nothing here. */
export class PeerCertificateError extends Error {
  override readonly name = 'PeerCertificateError';
}

export interface PeerCertificate {
  readonly identity: Identity;
  readonly notAfter: Date;
}

/** Longer chains are nobody's. */
const MAX_CHAIN = 5;

/**
 * The identity of a leaf: its one URI name.
 * @throws PeerCertificateError when there is not exactly one, or it is no SPIFFE id of a workload.
 */
export function identityOf(leafDer: Uint8Array): Identity {
  try {
    const { tbsCertificate } = AsnConvert.parse(leafDer, asn.Certificate);
    const sans = (tbsCertificate.extensions ?? []).filter(({ extnID }) => extnID === asn.id_ce_subjectAltName);
    const names = sans.flatMap(({ extnValue }) => [...AsnConvert.parse(extnValue, asn.SubjectAlternativeName)]);
    const uris = names.map((name) => name.uniformResourceIdentifier).filter((uri) => uri !== undefined);
    if (uris.length !== 1)
      throw new PeerCertificateError(`the certificate has ${uris.length} URI names: exactly one is allowed`);
    return parseIdentity(uris[0]!);
  } catch (error) {
    if (error instanceof PeerCertificateError) throw error;
    throw new PeerCertificateError(`the certificate names no workload: ${(error as Error).message}`);
  }
}

/**
 * Checks a chain against the roots of this moment. TLS has done so at the handshake; this is for what changes afterwards: time
 * goes on, and roots retire.
 * @param chain in DER: the leaf, then what it was signed by; a root at its end does no harm.
 * @throws PeerCertificateError
 */
export function verifyPeer(
  chain: readonly Uint8Array[],
  { roots, trustDomain, now }: { roots: readonly X509Certificate[]; trustDomain: string; now: Date },
): PeerCertificate {
  if (chain.length === 0 || chain.length > MAX_CHAIN) {
    throw new PeerCertificateError(`a chain of ${chain.length} certificates: 1 to ${MAX_CHAIN} are allowed`);
  }
  const [leaf, ...above] = chain.map((der) => new X509Certificate(der));
  if (leaf!.ca) throw new PeerCertificateError('the certificate is that of an authority, not of a workload');
  let notAfter = checkTime(leaf!, now);
  let current = leaf!;
  for (let depth = 0; depth < MAX_CHAIN; depth++) {
    const root = roots.find((each) => isIssuedBy(current, each) || each.raw.equals(current.raw));
    if (root) {
      const identity = identityOf(leaf!.raw);
      if (identity.trustDomain !== trustDomain) {
        throw new PeerCertificateError(
          `the certificate is of trust domain ${identity.trustDomain}, not of ${trustDomain}`,
        );
      }
      return { identity, notAfter: earlier(notAfter, checkTime(root, now)) };
    }
    const issuer = above.find((each) => each.ca && each !== current && isIssuedBy(current, each));
    if (!issuer) break;
    notAfter = earlier(notAfter, checkTime(issuer, now));
    current = issuer;
  }
  throw new PeerCertificateError('the certificate is not signed by an authority of this mesh');
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Returns its end. */
function checkTime({ validFrom, validTo }: X509Certificate, now: Date): Date {
  const notAfter = new Date(validTo);
  if (now > notAfter) throw new PeerCertificateError(`the certificate expired on ${notAfter.toISOString()}`);
  if (now < new Date(validFrom))
    throw new PeerCertificateError(`the certificate begins on ${new Date(validFrom).toISOString()}`);
  return notAfter;
}

const earlier = (a: Date, b: Date) => (a < b ? a : b);
