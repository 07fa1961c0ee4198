/** THREATS: a forged, truncated or greedy request is refused, whatever it asks for. */
import { spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { CsrError, type CsrProblem, checkCsr, MAX_CSR_LENGTH } from '../../lib/citadel/csr';
import { sequence, tlv } from '../../lib/citadel/der';
import * as csr from './requests';

const ID = 'spiffe://cluster.local/ns/shop/sa/web';
const keys = csr.ecKeys();
const good = csr.request([csr.names(csr.uri(ID))], { keys });

function problemOf(request: string | Uint8Array): CsrProblem {
  try {
    checkCsr(request);
  } catch (error) {
    if (error instanceof CsrError) return error.problem;
    throw error;
  }
  throw new Error('the request was accepted');
}

describe('a request', () => {
  test('that is empty but for its key is accepted, as the kubelet makes it', () => {
    const checked = checkCsr(csr.request([], { keys }));
    expect(checked.uri).toBeUndefined();
    expect(checked.publicKey).toEqual(keys.publicKey.export({ format: 'der', type: 'spki' }));
  });

  test('may name one SPIFFE id, in PEM or DER', () => {
    expect(checkCsr(good).uri).toBe(ID);
    expect(checkCsr(csr.inPem(good)).uri).toBe(ID);
  });

  test.each([
    ['EC P-384', csr.ecKeys('P-384')],
    ['RSA 2048', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ])('may have a key of %s', (kind, pair) => {
    const signature = kind.startsWith('RSA') ? '1.2.840.113549.1.1.11' : undefined;
    const { publicKey } = checkCsr(csr.request([], { keys: pair, signature }));
    expect(createPublicKey({ key: publicKey, format: 'der', type: 'spki' }).equals(pair.publicKey)).toBe(true);
  });

  test('of OpenSSL with harmless extensions is accepted', () => {
    const extensions = `subjectAltName=critical,URI:${ID}\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth`;
    const folder = mkdtempSync(join(tmpdir(), 'malha-csr-'));
    const config = join(folder, 'request.cnf');
    writeFileSync(
      config,
      `[req]\ndistinguished_name=dn\nreq_extensions=ext\nprompt=no\n[dn]\nO=shop\n[ext]\n${extensions}\n`,
    );
    const newKey = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      join(folder, 'key.pem'),
    ];
    const args = ['req', '-new', ...newKey, '-config', config];
    const { stdout, status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect({ status, stderr: status ? stderr : '' }).toEqual({ status: 0, stderr: '' });
    expect(checkCsr(stdout.slice(stdout.indexOf('-----BEGIN CERT'))).uri).toBe(ID);
  });
});

describe('a request is refused', () => {
  const other = csr.ecKeys();
  const rsa = (modulusLength: number, publicExponent = 65537) => ({
    keys: generateKeyPairSync('rsa', { modulusLength, publicExponent }),
    signature: '1.2.840.113549.1.1.11',
  });
  const flipped = Buffer.from(good);
  flipped[good.indexOf('web')] = 'W'.charCodeAt(0);
  const idInCommonName = sequence(tlv(0x31, sequence(csr.oid('2.5.4.3'), tlv(0x0c, Buffer.from('x'.repeat(20_000))))));

  test.each<[string, () => Buffer, CsrProblem]>([
    ['with two SPIFFE ids', () => csr.request([csr.names(csr.uri(ID), csr.uri(`${ID}2`))]), 'names'],
    ['with the same id twice', () => csr.request([csr.names(csr.uri(ID), csr.uri(ID))]), 'names'],
    ['with a host name beside its id', () => csr.request([csr.names(csr.uri(ID), csr.dns('a.example'))]), 'names'],
    ['with a host name alone', () => csr.request([csr.names(csr.dns('a.example'))]), 'names'],
    ['with an address', () => csr.request([csr.names(csr.uri(ID), csr.ip(10, 0, 0, 1))]), 'names'],
    ['with an e-mail address', () => csr.request([csr.names(csr.uri(ID), csr.email('a@b.example'))]), 'names'],
    ['with no name in its list of names', () => csr.request([csr.names()]), 'names'],
    ['with two lists of names', () => csr.request([csr.names(csr.uri(ID)), csr.names(csr.uri(ID))]), 'extension'],
    ['that wants to be an authority', () => csr.request([csr.constraints(true)]), 'extension'],
    ['that wants to sign certificates', () => csr.request([csr.keyUsage(0x04)]), 'extension'],
    ['that wants to sign revocations', () => csr.request([csr.keyUsage(0x02)]), 'extension'],
    ['that wants to sign code', () => csr.request([csr.extendedKeyUsage('1.3.6.1.5.5.7.3.3')]), 'extension'],
    ['that wants any use', () => csr.request([csr.extendedKeyUsage('2.5.29.37.0')]), 'extension'],
    ['with an extension that nobody knows', () => csr.request([csr.extension('1.2.3.4.5', sequence())]), 'extension'],
    ['with name constraints', () => csr.request([csr.extension('2.5.29.30', sequence())]), 'extension'],
    [
      'with a huge extension',
      () => csr.request([csr.extension('1.2.3.4', tlv(0x04, Buffer.alloc(MAX_CSR_LENGTH)))]),
      'size',
    ],
    ['with a huge subject', () => csr.request([], { subject: idInCommonName }), 'size'],
    ['signed by another key', () => csr.request([], { keys, signedBy: other.privateKey }), 'signature'],
    ['changed after it was signed', () => flipped, 'signature'],
    ['signed with SHA-1', () => csr.request([], { keys, hash: 'sha1', signature: '1.2.840.10045.4.1' }), 'signature'],
    [
      'whose signature is of another kind than its key',
      () => csr.request([], { keys, signature: '1.2.840.113549.1.1.11' }),
      'signature',
    ],
    ['with an RSA key of 1,024 bits', () => csr.request([], rsa(1024)), 'key'],
    ['with an RSA key with exponent 3', () => csr.request([], rsa(2048, 3)), 'key'],
    [
      'with an RSA key of 8,192 bits',
      () => csr.request([], { keys: HUGE_RSA(), signature: '1.2.840.113549.1.1.11', signedBy: keys.privateKey }),
      'key',
    ],
    [
      'with a key on P-521',
      () => csr.request([], { keys: csr.ecKeys('P-521'), signature: '1.2.840.10045.4.3.4' }),
      'key',
    ],
    ['with a key on secp256k1', () => csr.request([], { keys: csr.ecKeys('secp256k1') }), 'key'],
    [
      'with an Ed25519 key',
      () => csr.request([], { keys: generateKeyPairSync('ed25519'), signedBy: keys.privateKey }),
      'key',
    ],
    ['that is cut off', () => good.subarray(0, -1), 'syntax'],
    ['with something behind it', () => Buffer.concat([good, Buffer.of(0)]), 'syntax'],
    ['that is empty', () => Buffer.alloc(0), 'syntax'],
    ['that is a nest of 2,500 sequences', () => nest(2_500), 'syntax'],
  ])('%s', (_, make, problem) => {
    const der = make();
    expect(problemOf(der)).toBe(problem);
    if (der.length > 0 && problem !== 'size') expect(problemOf(csr.inPem(der))).toBe(problem);
  });

  test.each([
    ['that is no PEM', 'hello', 'syntax'],
    ['that is a certificate', csr.inPem(good).replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'), 'syntax'],
    ['of two blocks', csr.inPem(good) + csr.inPem(good), 'syntax'],
    ['of more characters than any request has', 'A'.repeat(MAX_CSR_LENGTH + 1), 'size'],
  ] as const)('%s', (_, text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test('at a point that is not on the curve', () => {
    const changed = csr.request([], { keys });
    const at = changed.indexOf(keys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-64));
    changed[at + 5] = changed[at + 5]! ^ 1;
    expect(problemOf(changed)).toBe('key');
  });

  test('with any byte changed, cut or doubled, and never by anything but a CsrError', () => {
    const change = fc.constantFrom('flip', 'cut', 'double');
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), change, (at, bits, how) => {
        const bytes = Buffer.from(good);
        if (how === 'flip') bytes[at] = bytes[at]! ^ bits;
        const twice = [bytes.subarray(0, at + 1), bytes.subarray(at)];
        const changed =
          how === 'cut'
            ? Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
            : how === 'double'
              ? Buffer.concat(twice)
              : bytes;
        expect(() => problemOf(changed)).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });

  test('when it is noise', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => expect(() => problemOf(noise)).not.toThrow()));
  });
});

/** A modulus costs seconds to find, and nobody gets as far as to need a real one. */
function HUGE_RSA() {
  const { privateKey } = keys;
  const modulus = Buffer.concat([Buffer.of(0), Buffer.alloc(1024, 0xff)]);
  const pkcs1 = sequence(tlv(0x02, modulus), tlv(0x02, Buffer.of(1, 0, 1)));
  return { publicKey: createPublicKey({ key: pkcs1, format: 'der', type: 'pkcs1' }), privateKey };
}

function nest(depth: number): Buffer {
  let inner: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level++) inner = sequence(inner);
  return inner;
}
