/** The HTTPS server of the webhooks, and what a hostile caller may try. */
import { Agent, request } from 'node:https';
import { connect } from 'node:tls';
import { AdmissionServer, injectionVerdict, validationVerdict } from '../../lib/admission';
import { LARGEST_REVIEW } from '../../lib/admission/server';
import { developmentCertificate } from '../../lib/citadel/development-certificate';

let server: AdmissionServer;
let ca: string;
const outcomes: string[] = [];

beforeAll(async () => {
  const { certPem, keyPem, caPem } = await developmentCertificate(['localhost']);
  ca = caPem;
  server = await AdmissionServer.listen({
    host: '127.0.0.1',
    port: 0,
    certificate: { cert: certPem, key: keyPem },
    verdicts: {
      '/inject': (review) => injectionVerdict(review, { injection: {}, systemNamespace: 'malha-system' }),
      '/validate': validationVerdict,
    },
    onReview: (path, outcome) => outcomes.push(`${path} ${outcome}`),
  });
});
afterAll(() => server.close());

const agent = new Agent({ keepAlive: false });

function post(path: string, body: string, method = 'POST'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', servername: 'localhost', port: server.port, path, method, ca, agent };
    const asking = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body: text }));
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

const review = (object: unknown, kind = 'AdmissionReview') =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind,
    request: { uid: 'u1', operation: 'CREATE', namespace: 'shop', object },
  });
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [{ name: 'app' }] } };

test('a review is answered under its own uid, with a patch', async () => {
  const { status, body } = await post('/inject?timeout=10s', review(pod));
  expect(status).toBe(200);
  const { response } = JSON.parse(body) as { response: Record<string, string> };
  expect(response).toMatchObject({ uid: 'u1', allowed: true, patchType: 'JSONPatch' });
  const patch = JSON.parse(Buffer.from(response['patch']!, 'base64').toString()) as { path: string }[];
  expect(patch.map(({ path }) => path)).toContain('/spec/initContainers');
  expect(outcomes.at(-1)).toBe('/inject allowed');
});

describe('what is no review is refused with 400:', () => {
  test.each([
    ['no JSON', '{', 'the review is no JSON'],
    ['another kind', review(pod, 'Pod'), 'not an AdmissionReview of admission.k8s.io/v1'],
    ['null', 'null', 'not an AdmissionReview'],
    ['no uid', '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}', 'request.uid is missing'],
    ['a million brackets', '['.repeat(1_000_000), 'nests deeper than 100'],
    ['objects within objects', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, 'nests deeper than 100'],
  ])('%s', async (_, body, message) => {
    const answer = await post('/validate', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(message);
  });

  test('an object that is none is let through by nobody’s rule, and harms nobody', async () => {
    for (const object of [1, [], 'x', { kind: 'Pod' }, { kind: 'Pod', metadata: null, spec: { containers: 7 } }]) {
      const { status } = await post('/inject', review(object));
      expect([200, 500]).toContain(status);
    }
    expect((await post('/inject', review(pod))).status).toBe(200);
  });
});

test('brackets inside of strings do not count', async () => {
  const text = JSON.stringify(`${'[{'.repeat(500)}\\"`);
  expect((await post('/inject', review({ ...pod, metadata: { name: 'web', annotations: { text } } }))).status).toBe(
    200,
  );
});

test('a regular expression that would keep another engine busy for ever is judged at once', async () => {
  const object = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      hosts: ['web'],
      http: [{ match: [{ uri: { regex: '(a+)+$'.repeat(100) } }], route: [{ destination: { host: 'web' } }] }],
    },
  };
  expect((await post('/validate', review(object))).status).toBe(200);
});

test('a body that says it is too large is refused before it comes', async () => {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: server.port, ca, servername: 'localhost' }, () => {
      socket.write(`POST /inject HTTP/1.1\r\nhost: x\r\ncontent-length: ${LARGEST_REVIEW + 1}\r\n\r\n`);
    });
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.on('error', reject);
  });
  expect(text).toMatch(/^HTTP\/1\.1 413 /);
});

test('a body that grows too large without saying so is cut off', async () => {
  const answer = await new Promise<string>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: server.port, ca, servername: 'localhost' }, () => {
      socket.write('POST /inject HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
      const part = `10000\r\n${' '.repeat(0x10000)}\r\n`;
      for (let sent = 0; sent <= LARGEST_REVIEW + 0x20000; sent += 0x10000) socket.write(part);
    });
    let text = '';
    socket.on('data', (data) => {
      text += String(data);
    });
    socket.on('error', () => resolve(text || 'cut off'));
    socket.on('close', () => resolve(text || 'cut off'));
  });
  expect(answer).toMatch(/413|cut off/);
  expect((await post('/inject', review(pod))).status).toBe(200);
});

test('nothing else is served', async () => {
  expect((await post('/', '{}')).status).toBe(404);
  expect((await post('/__proto__', '{}')).status).toBe(404);
  expect((await post('/inject', '', 'GET')).status).toBe(405);
});

test('handshakes show the newest certificate', async () => {
  const next = await developmentCertificate(['localhost']);
  server.renew({ cert: next.certPem, key: next.keyPem });
  await expect(post('/inject', review(pod))).rejects.toThrow();
  ca = next.caPem;
  expect((await post('/inject', review(pod))).status).toBe(200);
});
