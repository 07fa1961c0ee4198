/** The control plane with Citadel, from outside: certificates over gRPC, configuration and status by TLS. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, status as Code, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import { TOKEN_AUDIENCE } from '../../apps/control-plane/citadel';
import type { GraphPage } from '../../apps/control-plane/graph';
import { localVisitor } from '../../apps/control-plane/http';
import { readStatus, type Status } from '../../apps/control-plane/status';
import { jwksTokenReviewer } from '../../lib/citadel/jwks-token-reviewer';
import { makeKeyPair } from '../../lib/citadel/key-pair';
import { memoryStorage } from '../../lib/citadel/memory-storage';
import type { ReportMessage } from '../../lib/controllers/object-reports';
import { askReplica, watchReports } from '../../lib/controllers/report-client';
import { encode } from '../../lib/envoy/message';
import { accessLogDefinition } from '../../lib/mixer/access-log-service';
import { type Asked, certify as certifyBy } from '../citadel/certificate-client';
import { constraints, dns, ecKeys, inPem, names, request, uri } from '../citadel/requests';
import { ISSUER, issuerKeys, token } from '../citadel/tokens';
import { eventually } from '../xds/plain-envoy';

const HOST = 'malha-control-plane.malha-system.svc.cluster.local';
const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
/** Of a machine without a Pod. */
const tokenOf = (account: string, claims: object = {}) =>
  token({ now: Date.now(), claims: { sub: `system:serviceaccount:${account}`, 'kubernetes.io': {}, ...claims } });

const OBJECTS = `
apiVersion: v1
kind: Pod
metadata: { name: web-1, namespace: shop, uid: uid-1 }
spec: { serviceAccountName: web, containers: [{ name: app }] }
status: { podIP: 127.0.0.1 }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: broken, namespace: bank }
spec: { hosts: [a], http: [{ route: [{ destination: { host: a }, weight: -1 }] }] }
`;

let folder: string;
let running: RunningControlPlane;
let roots: Buffer;
let logged: string[];
const storage = memoryStorage();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-citadel-'));
  await writeFile(join(folder, 'objects.yaml'), OBJECTS);
  logged = [];
  const note = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  running = await startControlPlane({
    registry: { kind: 'files', files: [folder] },
    http: '127.0.0.1:0',
    citadel: {
      storage,
      address: '127.0.0.1:0',
      reviewer: jwksTokenReviewer({
        keys: [{ ...issuerKeys.publicKey.export({ format: 'jwk' }), kid: 'one' }],
        issuer: ISSUER,
        audience: TOKEN_AUDIENCE,
      }),
    },
    log: { info: note, warn: note, error: note },
  });
  const { files } = (await storage.load())!;
  roots = Buffer.from(Object.entries(files).find(([name]) => name.endsWith('root-cert.pem'))![1]);
});

afterAll(async () => {
  await running.stop();
  await rm(folder, { recursive: true });
});

const certify = (asked: Asked) => certifyBy({ address: `127.0.0.1:${running.xdsTlsPort}`, host: HOST, roots }, asked);

describe('the certificate service', () => {
  test('certifies a machine by its token: leaf, intermediate, root, for the identity of the token', async () => {
    const keys = ecKeys();
    const chain = (await certify({ csr: inPem(request([], { keys })), token: tokenOf('shop:web') })) as string[];
    const [leaf, intermediate, root] = chain.map((each) => new X509Certificate(each));
    expect(leaf!.subjectAltName).toBe(`URI:${WEB}`);
    expect(leaf!.publicKey.equals(keys.publicKey)).toBe(true);
    expect([leaf!.checkIssued(intermediate!), intermediate!.checkIssued(root!), root!.checkIssued(root!)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(root!.toString().trim()).toBe(roots.toString().trim());
  });

  test('renews by the certificate itself, without a token', async () => {
    const keys = await makeKeyPair();
    const chain = (await certify({ csr: inPem(keys.csr.der), token: tokenOf('shop:web') })) as string[];
    const next = (await certify({
      csr: inPem(request()),
      certificate: { keys, chain: chain.slice(0, 2) },
    })) as string[];
    expect(new X509Certificate(next[0]!).subjectAltName).toBe(`URI:${WEB}`);
    const other = inPem(request([names(uri('spiffe://cluster.local/ns/shop/sa/admin'))]));
    expect(await certify({ csr: other, certificate: { keys, chain: chain.slice(0, 2) } })).toBe(Code.PERMISSION_DENIED);
  });

  test('gives the lifetime that was asked for, within its bounds', async () => {
    const life = async (seconds: number) => {
      const chain = await certify({ csr: inPem(request()), token: tokenOf('shop:web'), seconds });
      return typeof chain === 'number'
        ? chain
        : Math.round((Date.parse(new X509Certificate(chain[0]!).validTo) - Date.now()) / 100_000);
    };
    expect(await Promise.all([life(0), life(3_600), life(86_400)])).toEqual([864, 36, 864]);
    const refused = Code.INVALID_ARGUMENT;
    expect(await Promise.all([life(1), life(86_401), life(-5)])).toEqual([refused, refused, refused]);
  });

  const good = inPem(request([names(uri(WEB))]));
  test.each<[string, Asked, Code]>([
    ['without a credential', { csr: good }, Code.UNAUTHENTICATED],
    [
      'with a token for another audience',
      { csr: good, token: tokenOf('shop:web', { aud: ['api'] }) },
      Code.UNAUTHENTICATED,
    ],
    ['with an expired token', { csr: good, token: tokenOf('shop:web', { exp: 1 }) }, Code.UNAUTHENTICATED],
    ['with the identity of another', { csr: good, token: tokenOf('shop:other') }, Code.PERMISSION_DENIED],
    [
      'in the name of another',
      { csr: good, token: tokenOf('shop:web'), metadata: { ImpersonatedIdentity: 'x' } },
      Code.PERMISSION_DENIED,
    ],
    [
      'with two names',
      { csr: inPem(request([names(uri(WEB), dns('a'))])), token: tokenOf('shop:web') },
      Code.INVALID_ARGUMENT,
    ],
    [
      'for an authority',
      { csr: inPem(request([constraints(true)])), token: tokenOf('shop:web') },
      Code.INVALID_ARGUMENT,
    ],
    ['with noise', { csr: 'noise', token: tokenOf('shop:web') }, Code.INVALID_ARGUMENT],
  ])('refuses a request %s', async (_, asked, code) => {
    expect(await certify(asked)).toBe(code);
  });

  test('gives a key to one identity only (THREATS 14)', async () => {
    const csr = inPem(request());
    expect(await certify({ csr, token: tokenOf('shop:web') })).toHaveLength(3);
    expect(await certify({ csr, token: tokenOf('shop:web') })).toHaveLength(3);
    expect(await certify({ csr, token: tokenOf('shop:admin') })).toBe(Code.PERMISSION_DENIED);
  });

  test('logs who tried, and never a token', async () => {
    const stolen = tokenOf('shop:thief');
    await certify({ csr: good, token: stolen });
    const line = logged.find((each) => each.includes('sa/thief'))!;
    expect(line).toContain('no certificate given');
    expect(line).toContain('"identity":"spiffe://cluster.local/ns/shop/sa/thief"');
    expect(line).toContain('"problem":"identity"');
    for (const part of stolen.split('.')) expect(logged.join()).not.toContain(part);
  });

  test.each<[string, string, string]>([
    ['for another audience', 'eve', tokenOf('shop:eve', { aud: ['api'] })],
    ['that has expired', 'mallory', tokenOf('shop:mallory', { exp: 1 })],
    ['of an issuer that it is not of', 'trudy', tokenOf('shop:trudy', { iss: 'https://elsewhere.example' })],
  ])('logs of which account a token %s says to be, and nothing else of it', async (_, account, shown) => {
    expect(await certify({ csr: good, token: shown })).toBe(Code.UNAUTHENTICATED);
    const lines = logged.filter((line) => line.includes(`(it says to be of shop/${account})`));
    expect(lines).toHaveLength(1);
    for (const part of shown.split('.')) expect(logged.join()).not.toContain(part);
  });

  test('counts, and tells long before a certificate ends', async () => {
    const text = await (await fetch(`http://127.0.0.1:${running.httpPort}/metrics`)).text();
    const value = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
    expect(value('citadel_server_success_cert_issuance_count')).toBeGreaterThan(0);
    expect(value('citadel_server_authentication_failure_count')).toBeGreaterThan(0);
    expect(value('citadel_server_root_cert_expiry_seconds')).toBeGreaterThan(9 * 365 * 86_400);
    for (const level of ['root', 'intermediate', 'serving']) {
      expect(text).toContain(`citadel_certificate_overdue{level="${level}"} 0`);
    }
  });
});

describe('the status', () => {
  const page = (path: string, { token: bearer, ca = roots }: { token?: string; ca?: Buffer } = {}) =>
    new Promise<{ code: number; body: string }>((resolve, reject) => {
      const headers = bearer ? { authorization: `Bearer ${bearer}` } : {};
      const options = { host: '127.0.0.1', port: running.xdsTlsPort, path, servername: HOST, ca, headers };
      httpsRequest(options, (response) => {
        let body = '';
        response.on('data', (text) => {
          body += text;
        });
        response.on('end', () => resolve({ code: response.statusCode!, body }));
      })
        .on('error', reject)
        .end();
    });

  test('is shown by TLS to whoever proves to be of the mesh, of its own namespace (THREATS 18)', async () => {
    const findings = async (account: string) => {
      const { body } = await page('/status', { token: tokenOf(account) });
      return (JSON.parse(body) as Status).findings.map(({ resource }) => resource);
    };
    expect(await findings('malha-system:prometheus')).toContain('VirtualService bank/broken');
    expect(await findings('bank:teller')).toContain('VirtualService bank/broken');
    expect(await findings('shop:web')).not.toContain('VirtualService bank/broken');
  });

  test('is shown by TLS to nobody else', async () => {
    expect((await page('/status')).code).toBe(403);
    expect((await page('/')).code).toBe(403);
    expect((await page('/status', { token: tokenOf('shop:web', { aud: 'other' }) })).code).toBe(403);
    expect((await page('/healthz')).code).toBe(200);
  });

  test('is off on the plaintext port for whoever comes from elsewhere (THREATS 18)', async () => {
    const from = (remoteAddress: string, host = 'localhost:15014') =>
      localVisitor({ socket: { remoteAddress }, headers: { host } } as never);
    expect([from('127.0.0.1'), from('::1'), from('::ffff:127.0.0.1')]).toEqual([{}, {}, {}]);
    expect([from('10.0.0.1'), from('::ffff:10.0.0.1'), from('')]).toEqual([undefined, undefined, undefined]);
    // A page of others in a browser on this machine, whose name leads here.
    expect([from('127.0.0.1', 'evil.example:15014'), from('127.0.0.1', 'localhost.evil.example')]).toEqual([
      undefined,
      undefined,
    ]);
    expect([from('127.0.0.1', '127.0.0.1:15014'), from('::1', '[::1]:15014'), from('::1', 'mesh.localhost')]).toEqual([
      {},
      {},
      {},
    ]);
    expect((await fetch(`http://127.0.0.1:${running.httpPort}/status`)).status).toBe(200);
  });

  test('graph, live requests and configurations are behind the same door, each namespace by itself', async () => {
    for (const path of ['/graph', '/tap', '/config?proxy=x', '/console/main'])
      expect((await page(path)).code).toBe(403);
    const namespaces = async (account: string) => {
      const { body } = await page('/graph', { token: tokenOf(account) });
      const { nodes, certificates } = JSON.parse(body) as GraphPage;
      return { namespaces: [...new Set(nodes.map(({ namespace }) => namespace))], certificates: certificates.length };
    };
    expect((await namespaces('malha-system:prometheus')).certificates).toBe(3);
    expect(await namespaces('shop:web')).toEqual({ namespaces: ['shop'], certificates: 0 });
    expect((await page('/tap', { token: tokenOf('shop:web') })).code).toBe(200);
  });
});

test('without --xds there is no plaintext xDS', () => {
  expect(running.xdsPort).toBe(0);
});

describe('what proxies have', () => {
  async function identityOf(account: string) {
    const keys = await makeKeyPair();
    const chain = (await certify({ csr: inPem(keys.csr.der), token: tokenOf(account) })) as string[];
    return { chainPem: chain.slice(0, 2).join(''), keyPem: keys.keyPem, roots: [roots.toString()] };
  }

  /** The first message, or the error, for whoever has a certificate of this account. */
  async function reportsFor(account: string): Promise<ReportMessage | Error | undefined> {
    const identity = await identityOf(account);
    return new Promise((resolve) => {
      const stop = watchReports(() => identity, HOST)(
        `127.0.0.1:${running.xdsTlsPort}`,
        (message) => {
          resolve(message);
          stop();
        },
        resolve,
      );
    });
  }

  test('is told to another replica, of each object that is in force', async () => {
    const told = (await reportsFor('malha-system:malha-control-plane')) as ReportMessage;
    expect(told.replica).toMatch(/^[-0-9a-f]{36}$/);
    // The broken VirtualService is not in force, and Pods are none of the mesh.
    expect(told.changes).toEqual({});
    const good =
      'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: good, namespace: bank }\nspec: { host: a }\n';
    await writeFile(join(folder, 'good.yaml'), good);
    await eventually(async () => {
      const { changes } = (await reportsFor('malha-system:malha-control-plane')) as ReportMessage;
      expect(changes).toEqual({ 'networking.istio.io/DestinationRule/bank/good  0': { state: 'landed' } });
    });
  });

  test.each(['shop:web', 'malha-system:other', 'shop:malha-control-plane'])('is not told to %s', async (account) => {
    expect(await reportsFor(account)).toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  test('and how it goes altogether is told to another replica, not to the one that it is itself, and to nobody else', async () => {
    const ask = async (account: string, replica = 'another', topic = 'status') => {
      const identity = await identityOf(account);
      const question = { topic, parameter: 'web-1.shop' };
      return askReplica(
        replica,
        () => identity,
        () => HOST,
      )(`127.0.0.1:${running.xdsTlsPort}`, question);
    };
    const told = await ask('malha-system:malha-control-plane');
    const { findings, proxies, configuration, certificates } = readStatus(told.answer);
    expect(findings.map(({ resource }) => resource)).toContain('VirtualService bank/broken');
    expect({ proxies, state: configuration.state }).toEqual({ proxies: [], state: 'stale' });
    expect(certificates.map(({ level }) => level)).toEqual(['root', 'intermediate', 'serving']);
    expect(await ask('malha-system:malha-control-plane', told.replica)).toEqual({ ...told, answer: undefined });
    const { answer: noProxy } = await ask('malha-system:malha-control-plane', 'another', 'configuration');
    expect(noProxy).toBeNull();
    await expect(ask('malha-system:malha-control-plane', 'another', 'weather')).rejects.toThrow(
      'it is of a version that does not tell this to others',
    );
    for (const topic of ['status', 'requests', 'configuration', 'weather']) {
      for (const account of ['shop:web', 'malha-system:other', 'shop:malha-control-plane'])
        await expect(ask(account, 'another', topic)).rejects.toThrow(
          'PERMISSION_DENIED: reports are for replicas of this control plane',
        );
    }
  });
});

describe('access logs', () => {
  const node = (name: string, namespace = 'shop') =>
    `sidecar~127.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`;

  async function tell(nodeId: string, bearer?: string): Promise<number> {
    const client = new Client(`127.0.0.1:${running.xdsTlsPort}`, credentials.createSsl(roots), {
      'grpc.ssl_target_name_override': HOST,
    });
    const headers = new Metadata();
    if (bearer) headers.set('authorization', `Bearer ${bearer}`);
    const { path, requestSerialize, responseDeserialize } = accessLogDefinition.StreamAccessLogs;
    const upstream_cluster = 'outbound|80||bank.example';
    const message = {
      identifier: { node: { id: nodeId }, log_name: 'calls' },
      http_logs: { log_entry: [{ common_properties: { upstream_cluster }, response: { response_code: 200 } }] },
    };
    try {
      return await new Promise((resolve) => {
        const answered = (error: ServiceError | null) => resolve(error?.code ?? Code.OK);
        const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, headers, answered);
        call.write(Buffer.from(encode('envoy.service.accesslog.v3.StreamAccessLogsMessage', message)));
        call.end();
      });
    } finally {
      client.close();
    }
  }

  test('are taken by TLS from proxies that prove who they are, about themselves alone', async () => {
    expect(await tell(node('web-1'), tokenOf('shop:web'))).toBe(Code.OK);
    expect(await tell(node('web-1'))).toBe(Code.UNAUTHENTICATED);
    expect(await tell(node('web-1'), tokenOf('shop:web', { aud: ['api'] }))).toBe(Code.UNAUTHENTICATED);
    expect(await tell(node('web-1'), tokenOf('shop:thief'))).toBe(Code.PERMISSION_DENIED);
    expect(await tell(node('web-1'), tokenOf('bank:web'))).toBe(Code.PERMISSION_DENIED);
    const { calls } = (await (await fetch(`http://127.0.0.1:${running.httpPort}/status`)).json()) as Status;
    expect(calls.map(({ source, destination, count }) => [source, destination, count])).toEqual([
      ['web-1.shop', 'bank.example:80', 1],
    ]);
    expect(logged.join()).toContain('access logs refused');
    expect(logged.join()).toContain('/sa/thief claims Pod shop/web-1, which runs as web');
  });
});
