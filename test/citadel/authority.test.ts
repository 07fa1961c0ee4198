import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { Authority } from '../../lib/citadel/authority';
import { developmentCertificate } from '../../lib/citadel/development-certificate';

const NOON = new Date('2026-03-01T12:00:00Z');
const at = (seconds: number) => new Date(NOON.getTime() + seconds * 1000);

describe('an authority', () => {
  test('issues a leaf that its root has signed, with the names asked for', async () => {
    const authority = await Authority.selfSigned({ name: 'test', clock: () => NOON });
    const leaf = new X509Certificate(
      (
        await authority.issue({
          hosts: ['shop.example.com', '*.shop.example.com', '127.0.0.1'],
          identity: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'edge' },
        })
      ).certPem,
    );
    const root = new X509Certificate(authority.certPem);

    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(root.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(leaf.subjectAltName).toBe(
      'URI:spiffe://cluster.local/ns/shop/sa/edge, DNS:shop.example.com, DNS:*.shop.example.com, IP Address:127.0.0.1',
    );
  });

  test('dates a leaf by its clock, ten minutes back', async () => {
    const authority = await Authority.selfSigned({ name: 'test', clock: () => NOON });
    const root = new X509Certificate(authority.certPem);
    expect(new Date(root.validFrom)).toEqual(at(-600));
    const leaf = new X509Certificate((await authority.issue({ hosts: ['a'] }, 3600)).certPem);
    expect(new Date(leaf.validFrom)).toEqual(at(-600));
    expect(new Date(leaf.validTo)).toEqual(at(3600));
  });

  test('issues nothing that outlives the root, and nothing after its end', async () => {
    let now = NOON;
    const authority = await Authority.selfSigned({ name: 'test', clock: () => now, lifetimeSeconds: 100 });
    const leaf = new X509Certificate((await authority.issue({ hosts: ['a'] })).certPem);
    expect(new Date(leaf.validTo)).toEqual(at(100));

    now = at(100);
    await expect(authority.issue({ hosts: ['a'] })).rejects.toThrow(
      'the root certificate expired on 2026-03-01T12:01:40.000Z: make a new authority',
    );
  });

  test('never repeats a serial number', async () => {
    const authority = await Authority.selfSigned({ name: 'test', clock: () => NOON });
    const leaves = await Promise.all(Array.from({ length: 20 }, () => authority.issue({ hosts: ['a'] })));
    expect(new Set(leaves.map(({ certPem }) => new X509Certificate(certPem).serialNumber)).size).toBe(20);
  });

  test.each([
    ['no name', {}, 'a certificate needs a name'],
    ['a host with a slash', { hosts: ['a/b'] }, 'host "a/b" cannot be in a certificate'],
    ['a star inside', { hosts: ['a.*.b'] }, 'host "a.*.b" cannot be in a certificate'],
    ['a NUL byte', { hosts: ['a\0.evil'] }, 'host "a\\u0000.evil" cannot be in a certificate'],
  ])('refuses %s', async (_, names, message) => {
    const authority = await Authority.selfSigned({ name: 'test', clock: () => NOON });
    await expect(authority.issue(names)).rejects.toThrow(message);
  });
});

describe('a development certificate', () => {
  test('carries a TLS connection to each of its hosts', async () => {
    const { certPem, keyPem, caPem } = await developmentCertificate(['bookinfo.localhost']);
    const server = createServer({ cert: certPem, key: keyPem }, (socket) => socket.end('hello')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;

    const client = connect({ host: '127.0.0.1', port, servername: 'bookinfo.localhost', ca: caPem });
    const [hello] = await once(client, 'data');
    expect(String(hello)).toBe('hello');
    expect(client.authorized).toBe(true);

    const stranger = connect({ host: '127.0.0.1', port, servername: 'shop.localhost', ca: caPem });
    const [error] = await once(stranger, 'error');
    expect(error.code).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    server.close();
  });

  test('stands for any host as localhost, and for ns/host as host', async () => {
    const { certPem } = await developmentCertificate(['*', 'shop/a.example', './b.example'], () => NOON);
    expect(new X509Certificate(certPem).subjectAltName).toBe('DNS:localhost, DNS:a.example, DNS:b.example');
  });
});
