/** Asking an issuer where its keys are gives the place of its keys, or nothing at all. */
import { documentUrl, keysOfIssuer } from '../../../lib/discovery/openid/document';
import { isForbiddenHost } from '../../../lib/world';
import { IssuerServer, leadsTo } from './issuer-server';

let server: IssuerServer;
beforeEach(async () => {
  server = await new IssuerServer().start();
});
afterEach(() => server.stop());

const ask = () => keysOfIssuer(server.issuer, server.options);
const says = (document: unknown) => {
  server.answer = (_, response) => response.end(JSON.stringify(document));
};

test('the keys are where the document of the issuer says', async () => {
  expect(await ask()).toBe('https://issuer.example.com/keys');
  expect(server.paths).toEqual(['/realm/.well-known/openid-configuration']);
});

test('a slash at the end of an issuer is not doubled', () => {
  expect(documentUrl('https://a.example.com/').href).toBe('https://a.example.com/.well-known/openid-configuration');
});

test.each([
  'a',
  'accounts@example.com',
  'http://a.example.com',
  'file:///etc/passwd',
  'https://a.example.com/?next=b',
  'https://u:p@a.example.com',
])('the issuer %s is not asked', async (issuer) => {
  await expect(keysOfIssuer(issuer)).rejects.toThrow('set jwksUri or jwks');
});

test.each([
  'https://127.0.0.1',
  'https://[::1]',
  'https://localhost',
  'https://169.254.169.254',
  'https://metadata.google.internal',
])('%s is never asked, whoever names it', async (issuer) => {
  await expect(keysOfIssuer(issuer)).rejects.toThrow('metadata service');
});

test('a name that leads to this machine is not connected to', async () => {
  const options = { ...server.options, isForbidden: isForbiddenHost };
  await expect(keysOfIssuer(server.issuer, options)).rejects.toThrow('leads to 127.0.0.1');
  await expect(keysOfIssuer(server.issuer, { ...options, lookup: leadsTo('169.254.169.254') })).rejects.toThrow(
    'leads to 169.254.169.254',
  );
  expect(server.paths).toEqual([]);
});

test('a redirect is not followed', async () => {
  server.answer = (_, response) => response.writeHead(302, { location: `${server.issuer}/elsewhere` }).end();
  await expect(ask()).rejects.toThrow('answers 302');
  expect(server.paths).toHaveLength(1);
});

test('an issuer cannot speak for another', async () => {
  says({ issuer: 'https://other.example.com', jwks_uri: 'https://issuer.example.com/keys' });
  await expect(ask()).rejects.toThrow('of another issuer');
});

test.each([undefined, 7, 'keys', 'http://issuer.example.com/keys', `https://issuer.example.com/${'k'.repeat(2048)}`])(
  'keys at %p are not taken',
  async (keys) => {
    says({ issuer: server.issuer, jwks_uri: keys });
    await expect(ask()).rejects.toThrow('no jwks_uri with https');
  },
);

test('keys on this machine or at a metadata service are not taken', async () => {
  says({ issuer: server.issuer, jwks_uri: 'https://169.254.169.254/keys' });
  const options = { ...server.options, isForbidden: (host: string) => host.startsWith('169.') };
  await expect(keysOfIssuer(server.issuer, options)).rejects.toThrow('leads to this machine or a metadata service');
});

test.each(['', 'null', '[]', '{', '<html>'])('the answer %p is no document', async (body) => {
  server.answer = (_, response) => response.end(body);
  await expect(ask()).rejects.toThrow(/is no JSON|of another issuer/);
});

test('an answer without end is cut off', async () => {
  server.answer = (_, response) => {
    const more = () => response.write('x'.repeat(16_384), (error) => !error && setImmediate(more));
    more();
  };
  await expect(ask()).rejects.toThrow('more than 65536 bytes');
});

test('a certificate that nobody vouches for is not believed', async () => {
  await expect(keysOfIssuer(server.issuer, { ...server.options, ca: undefined })).rejects.toThrow('cannot be asked');
});
