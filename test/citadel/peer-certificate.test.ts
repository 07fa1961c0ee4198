/** THREATS 15: whom a certificate speaks for, when its authority has signed what it should not have. */
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import * as asn from '@peculiar/asn1-x509';
import { makeAuthorityCertificate } from '../../lib/citadel/authority-certificate';
import { blocks, sequence, time, tlv } from '../../lib/citadel/der';
import { verifyPeer } from '../../lib/citadel/peer-certificate';
import { constraints, dns, ecKeys, names, oid, uri } from './requests';

const NOW = new Date('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;
const PAGE = 'spiffe://cluster.local/ns/shop/sa/page';

const root = makeAuthorityCertificate({ name: 'mesh', now: NOW, lifetimeSeconds: 86_400 });

interface Oddities {
  readonly from?: Date;
  readonly to?: Date;
}

/** A certificate of the mesh's root with these extensions, whatever they are. */
async function leaf(extensions: readonly Buffer[], { from = NOW, to = new Date(NOW.getTime() + HOUR) }: Oddities = {}) {
  const { certPem, keyPem } = await root;
  const [rootDer] = blocks('CERTIFICATE', certPem);
  const { tbsCertificate } = AsnConvert.parse(rootDer!, asn.Certificate);
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
  const content = sequence(
    Buffer.from('a003020102', 'hex'),
    tlv(0x02, Buffer.of(7)),
    algorithm,
    Buffer.from(AsnConvert.serialize(tbsCertificate.subject)),
    sequence(time(from), time(to)),
    sequence(),
    ecKeys().publicKey.export({ format: 'der', type: 'spki' }),
    tlv(0xa3, sequence(...extensions)),
  );
  return sequence(content, algorithm, tlv(0x03, Buffer.of(0), sign('sha256', content, createPrivateKey(keyPem))));
}

async function verify(der: Uint8Array, now = NOW) {
  return verifyPeer([der], { roots: [new X509Certificate((await root).certPem)], trustDomain: 'cluster.local', now });
}

describe('a certificate that the mesh’s own root has signed', () => {
  test('speaks for its one SPIFFE id', async () => {
    const { identity } = await verify(await leaf([names(uri(PAGE), dns('page.shop'))]));
    expect(identity).toEqual({ trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'page' });
  });

  test.each<[string, Buffer[], Oddities | undefined, string]>([
    ['two SPIFFE ids', [names(uri(PAGE), uri(`${PAGE}-2`))], undefined, 'has 2 URI names'],
    ['another URI beside it', [names(uri('https://a.example'), uri(PAGE))], undefined, 'has 2 URI names'],
    ['two lists of names', [names(uri(PAGE)), names(uri(`${PAGE}-2`))], undefined, 'not signed by an authority'],
    ['no URI', [names(dns('page.shop'))], undefined, 'has 0 URI names'],
    ['no names', [], undefined, 'has 0 URI names'],
    ['a NUL byte in its id', [names(uri(`${PAGE}\0.evil`))], undefined, 'names no workload'],
    ['a percent-encoded slash in its id', [names(uri(PAGE.replace('/sa', '%2fsa')))], undefined, 'names no workload'],
    ['an id with a slash at its end', [names(uri(`${PAGE}/`))], undefined, 'names no workload'],
    ['an id in capitals', [names(uri(PAGE.toUpperCase()))], undefined, 'names no workload'],
    [
      'an id of another domain',
      [names(uri(PAGE.replace('cluster', 'other')))],
      undefined,
      'of trust domain other.local',
    ],
    ['the rights of an authority', [names(uri(PAGE)), constraints(true)], undefined, 'that of an authority'],
    ['an end that has passed', [names(uri(PAGE))], { to: new Date(NOW.getTime() - 1_000) }, 'expired on'],
    ['a beginning to come', [names(uri(PAGE))], { from: new Date(NOW.getTime() + 1_000) }, 'begins on'],
  ])('speaks for nobody with %s', async (_, extensions, oddities, problem) => {
    const der = await leaf(extensions, oddities);
    await expect(verify(der)).rejects.toThrow(problem);
  });
});
