/**
 * Makes certificates below one certificate of an authority. All that its leaves have in common is encoded once; a leaf is
 * then a few concatenations and one signature, which is what lets a core sign thousands a second.
 */
import { createHash, randomFillSync, X509Certificate } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as asn from '@peculiar/asn1-x509';
import { bitString, sequence, time, tlv } from './der';
import type { Lifetime } from './renewal';
import type { SigningKey } from './signing-key';
import { generalNames, type SubjectNames } from './subject-names';

/** What a leaf is made from. Whoever asks for it has proven all of it. */
export interface LeafContent extends Lifetime {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  readonly names: SubjectNames;
}

export interface IssuedLeaf extends Lifetime {
  readonly der: Buffer;
}

/** ecdsa-with-SHA256 (RFC 5758): no parameters. */
const SIGNATURE_ALGORITHM = Buffer.from('300a06082a8648ce3d040302', 'hex');
/** v3, explicitly tagged. */
const VERSION = Buffer.from('a003020102', 'hex');
const EMPTY_NAME = Buffer.from('3000', 'hex');
/** OID, and for the critical one TRUE, in front of the value's OCTET STRING. */
const SAN_HEAD = Buffer.from('0603551d110101ff', 'hex');
const SKI_HEAD = Buffer.from('0603551d0e', 'hex');

export class Issuer {
  /** The authority's certificate. */
  readonly certificate: X509Certificate;
  readonly notBefore: Date;
  readonly notAfter: Date;
  private readonly name: Uint8Array;
  private readonly commonExtensions: Uint8Array;

  /** @throws Error when the certificate is no authority's, or the key is not its key. */
  constructor(
    certificateDer: Uint8Array,
    private readonly key: SigningKey,
  ) {
    this.certificate = new X509Certificate(certificateDer);
    if (!this.certificate.ca) throw new Error(`certificate ${this.certificate.subject} is not that of an authority`);
    if (!this.certificate.publicKey.export({ format: 'der', type: 'spki' }).equals(key.publicKey)) {
      throw new Error(`the private key is not that of the certificate of ${this.certificate.subject}`);
    }
    const { tbsCertificate } = AsnConvert.parse(certificateDer, asn.Certificate);
    this.name = new Uint8Array(AsnConvert.serialize(tbsCertificate.subject));
    this.notBefore = tbsCertificate.validity.notBefore.getTime();
    this.notAfter = tbsCertificate.validity.notAfter.getTime();
    this.commonExtensions = commonExtensions(subjectKeyIdentifier(tbsCertificate) ?? keyIdentifier(key.publicKey));
  }

  /**
   * A certificate for servers and clients. Its life is cut to that of the authority.
   * @throws Error when a name is not one, or the authority has expired.
   */
  async issue({ publicKey, names, ...wanted }: LeafContent): Promise<IssuedLeaf> {
    const notBefore = new Date(Math.max(wanted.notBefore.getTime(), this.notBefore.getTime()));
    const notAfter = new Date(Math.min(wanted.notAfter.getTime(), this.notAfter.getTime()));
    if (notAfter <= notBefore) {
      throw new Error(`the certificate of ${this.certificate.subject} expired on ${this.notAfter.toISOString()}`);
    }
    const extensions = sequence(
      this.commonExtensions,
      // The subject is empty, so the names are critical (RFC 5280, section 4.1.2.6).
      sequence(SAN_HEAD, tlv(0x04, generalNames(names))),
      sequence(SKI_HEAD, tlv(0x04, tlv(0x04, keyIdentifier(publicKey)))),
    );
    const content = sequence(
      VERSION,
      tlv(0x02, serialNumber()),
      SIGNATURE_ALGORITHM,
      this.name,
      sequence(time(notBefore), time(notAfter)),
      EMPTY_NAME,
      publicKey,
      tlv(0xa3, extensions),
    );
    const signature = this.key.sign(content);
    const bytes = signature instanceof Promise ? await signature : signature;
    return { der: sequence(content, SIGNATURE_ALGORITHM, bitString(bytes)), notBefore, notAfter };
  }
}

/** What every leaf of an authority says: no authority itself, for TLS of either side, signed by that key. */
function commonExtensions(authorityKeyIdentifier: Uint8Array): Uint8Array {
  const extension = (extnID: string, critical: boolean, value: object) =>
    new Uint8Array(
      AsnConvert.serialize(
        new asn.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) }),
      ),
    );
  return Buffer.concat([
    extension(asn.id_ce_basicConstraints, true, new asn.BasicConstraints()),
    extension(asn.id_ce_keyUsage, true, new asn.KeyUsage(asn.KeyUsageFlags.digitalSignature)),
    extension(asn.id_ce_extKeyUsage, false, new asn.ExtendedKeyUsage([asn.id_kp_serverAuth, asn.id_kp_clientAuth])),
    extension(
      asn.id_ce_authorityKeyIdentifier,
      false,
      new asn.AuthorityKeyIdentifier({ keyIdentifier: new asn.KeyIdentifier(authorityKeyIdentifier) }),
    ),
  ]);
}

function subjectKeyIdentifier({ extensions = [] }: asn.TBSCertificate): Uint8Array | undefined {
  const found = extensions.find(({ extnID }) => extnID === asn.id_ce_subjectKeyIdentifier);
  return found && new Uint8Array(AsnConvert.parse(found.extnValue, asn.SubjectKeyIdentifier).buffer);
}

/** SHA-1 of the key's bits (RFC 5280, section 4.2.1.2): a name, not a defence. */
function keyIdentifier(publicKey: Buffer): Buffer {
  return createHash('sha1').update(subjectBits(publicKey)).digest();
}

/** The BIT STRING of a SubjectPublicKeyInfo, without the octet that counts unused bits. */
function subjectBits(publicKey: Buffer): Buffer {
  const outer = headerLength(publicKey, 0);
  const algorithm = headerLength(publicKey, outer);
  const bits = outer + algorithm + contentLength(publicKey, outer);
  return publicKey.subarray(bits + headerLength(publicKey, bits) + 1);
}

function headerLength(der: Buffer, at: number): number {
  const first = der[at + 1]!;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function contentLength(der: Buffer, at: number): number {
  const first = der[at + 1]!;
  return first < 0x80 ? first : der.readUIntBE(at + 2, first & 0x7f);
}

/** 126 random bits: positive in DER, never shorter, and unguessable (CA/Browser Forum asks for 64). */
function serialNumber(): Buffer {
  const bytes = randomFillSync(Buffer.allocUnsafe(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}
