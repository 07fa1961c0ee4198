/** THREATS 14: what is well signed, and yet says more, or says it otherwise, than the one encoding of a request. */
import { sign } from 'node:crypto';
import { type CsrError, checkCsr } from '../../lib/citadel/csr';
import { sequence, tlv } from '../../lib/citadel/der';
import * as csr from './requests';

const keys = csr.ecKeys();
const spki = keys.publicKey.export({ format: 'der', type: 'spki' });
const point = spki.subarray(-65);
const curve = [csr.oid('1.2.840.10045.2.1'), csr.oid('1.2.840.10045.3.1.7')];
const ID = csr.uri('spiffe://cluster.local/ns/shop/sa/web');
const SAN = csr.oid('2.5.29.17');
const REQUEST = '1.2.840.113549.1.9.14';
/** A NULL where nothing belongs. */
const MORE = Buffer.of(5, 0);

interface Parts {
  readonly version?: Buffer;
  readonly subject?: Buffer;
  readonly key?: Buffer;
  readonly attributes?: readonly Buffer[];
  readonly info?: readonly Buffer[];
  readonly algorithm?: readonly Buffer[];
  readonly unusedBits?: number;
  readonly rest?: readonly Buffer[];
}

function made({ version = Buffer.of(2, 1, 0), subject = sequence(), key = spki, ...parts }: Parts = {}): Buffer {
  const { attributes = [], info = [], algorithm = [], unusedBits = 0, rest = [] } = parts;
  const signed = sequence(version, subject, key, tlv(0xa0, ...attributes), ...info);
  const signature = sign('sha256', signed, keys.privateKey);
  const how = sequence(csr.oid('1.2.840.10045.4.3.2'), ...algorithm);
  return sequence(signed, how, tlv(0x03, Buffer.of(unusedBits), signature), ...rest);
}

const attribute = (...extensions: Buffer[]) => sequence(csr.oid(REQUEST), tlv(0x31, sequence(...extensions)));
const problemOf = (der: Buffer) => {
  try {
    return `accepted ${checkCsr(der).uri}`;
  } catch (error) {
    return (error as CsrError).problem;
  }
};
/** The length of the whole in two bytes, where one is enough. */
const longForm = (der: Buffer) => Buffer.concat([Buffer.of(0x30, 0x82, 0), der.subarray(2)]);

test('a request that is put together here is accepted, so that each of the others is refused for what is wrong with it', () => {
  expect(problemOf(made({ attributes: [attribute(csr.names(ID))] }))).toBe(
    'accepted spiffe://cluster.local/ns/shop/sa/web',
  );
});

test.each<[string, Buffer, string]>([
  ['something behind the signature', made({ rest: [MORE] }), 'syntax'],
  ['something behind the attributes', made({ info: [MORE] }), 'syntax'],
  [
    'something behind the key',
    made({ key: sequence(sequence(...curve), tlv(3, Buffer.of(0), point), MORE) }),
    'syntax',
  ],
  [
    'something behind the curve',
    made({ key: sequence(sequence(...curve, MORE), tlv(3, Buffer.of(0), point)) }),
    'syntax',
  ],
  ['something behind the signature algorithm', made({ algorithm: [MORE] }), 'syntax'],
  [
    'something behind an attribute',
    made({ attributes: [sequence(csr.oid(REQUEST), tlv(0x31, sequence()), MORE)] }),
    'syntax',
  ],
  [
    'two lists of extensions in one attribute',
    made({ attributes: [sequence(csr.oid(REQUEST), tlv(0x31, sequence(), sequence()))] }),
    'syntax',
  ],
  ['two attributes', made({ attributes: [attribute(), attribute()] }), 'extension'],
  [
    'a challenge password',
    made({ attributes: [sequence(csr.oid('1.2.840.113549.1.9.7'), tlv(0x31, sequence()))] }),
    'extension',
  ],
  [
    'something behind an extension',
    made({ attributes: [attribute(sequence(SAN, tlv(4, sequence(ID)), MORE))] }),
    'syntax',
  ],
  [
    'something behind the names',
    made({ attributes: [attribute(sequence(SAN, tlv(4, sequence(ID), MORE)))] }),
    'syntax',
  ],
  [
    'a default written out',
    made({ attributes: [attribute(sequence(SAN, Buffer.of(1, 1, 0), tlv(4, sequence(ID))))] }),
    'syntax',
  ],
  ['another version', made({ version: Buffer.of(2, 1, 1) }), 'syntax'],
  ['a signature with unused bits', made({ unusedBits: 1 }), 'syntax'],
  [
    'a point in its hybrid form',
    made({ key: sequence(sequence(...curve), tlv(3, Buffer.of(0, 6), point.subarray(1))) }),
    'key',
  ],
  ['a length of two bytes for one', longForm(made({ subject: sequence(Buffer.alloc(0)) })), 'syntax'],
  ['a length of one byte too many', made({ subject: Buffer.of(0x30, 0x81, 0) }), 'syntax'],
])('a well-signed request with %s is refused', (what, der, problem) => {
  if (what === 'a length of two bytes for one') expect(der[3]).toBeGreaterThanOrEqual(0x80);
  expect(problemOf(der)).toBe(problem);
});
