/** THREATS 16–18 and 26 on the wire: TLS, an authority, a World, and clients that claim what is not theirs. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Pod } from '../../lib/api/kubernetes';
import { callerBy } from '../../lib/citadel/caller';
import { CitadelAuthority } from '../../lib/citadel/citadel-authority';
import { makeKeyPair } from '../../lib/citadel/key-pair';
import { memoryStorage } from '../../lib/citadel/memory-storage';
import { SecurePort } from '../../lib/citadel/secure-port';
import { ServingCertificate } from '../../lib/citadel/serving-certificate';
import { TokenError } from '../../lib/citadel/token-reviewer';
import { WorkloadSecrets } from '../../lib/citadel/workload-secrets';
import { decode, encode } from '../../lib/envoy/message';
import { TypeUrl } from '../../lib/envoy/type-url';
import { MeshSource } from '../../lib/xds/mesh-source';
import { aggregatedDiscoveryService, XdsServer } from '../../lib/xds/server';
import { pod, service } from '../world/sample';
import { silent } from './fake-client';

const DOMAIN = 'cluster.local';
const DAY = 86_400_000;
const HOST = 'malha-control-plane.malha-system.svc.cluster.local';
const runningAs = (made: Pod, serviceAccountName: string): Pod => ({
  ...made,
  spec: { ...made.spec!, serviceAccountName },
});
const WEB = runningAs(pod('web-1', 'shop', { app: 'web' }, '127.0.0.1'), 'web');
const ADMIN = runningAs(pod('admin-1', 'shop', { app: 'admin' }, '127.0.0.9'), 'admin');
const id = (name: string, ip = '127.0.0.1') => `sidecar~${ip}~${name}.shop~shop.svc.cluster.local`;

let now: number;
let authority: CitadelAuthority;
let source: MeshSource;
let xds: XdsServer;
let port: SecurePort;
let portNumber: number;
let serving: ServingCertificate;
let secrets: WorkloadSecrets;
let warnings: string[];
const opened: { close(): void }[] = [];

beforeEach(async () => {
  now = Date.now();
  warnings = [];
  const clock = () => new Date(now);
  const log = {
    ...silent,
    warn: (fields: object, message: string) => void warnings.push(`${message}: ${JSON.stringify(fields)}`),
  };
  authority = await CitadelAuthority.open({ storage: memoryStorage(), trustDomain: DOMAIN, clock });
  serving = await makeServing();
  source = new MeshSource({ log: silent });
  source.update([WEB, ADMIN, service('web', 'shop')]);
  const reviewer = {
    review: async (token: string) => {
      if (token === 'web.good.token')
        return { namespace: 'shop', serviceAccount: 'web', expiresAt: new Date(Date.now() + 60_000) };
      if (token === 'web.short.token')
        return { namespace: 'shop', serviceAccount: 'web', expiresAt: new Date(Date.now() + 150) };
      throw new TokenError('not accepted', token === 'no.body.knows' ? 'unavailable' : 'refused');
    },
  };
  secrets = new WorkloadSecrets({ signer: authority, clock, log, random: () => 0.5 });
  xds = new XdsServer(source, {
    log,
    authenticate: callerBy({ reviewer, trustDomain: DOMAIN, clock }),
    connectionSecrets: secrets,
  });
  port = new SecurePort({
    identity: () => ({ chainPem: serving.chainPem, keyPem: serving.keyPem, roots: authority.trustBundle() }),
    trustDomain: DOMAIN,
    clock,
    log,
    accept: { h2: (socket) => xds.accept(socket) },
  });
  portNumber = await port.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  for (const each of opened.splice(0)) each.close();
  await xds.close(50);
  await port.close();
});

function makeServing(): Promise<ServingCertificate> {
  const identity = { trustDomain: DOMAIN, namespace: 'malha-system', serviceAccount: 'malha-control-plane' };
  return ServingCertificate.make({ signer: authority, identity, hosts: [HOST], clock: () => new Date(now) });
}

interface Certificate {
  keyPem: string;
  chainPem: string;
}

async function certificateOf(
  serviceAccount: string,
  { signer = authority, namespace = 'shop', seconds = 3_600 } = {},
): Promise<Certificate> {
  const { keyPem, csr } = await makeKeyPair();
  const identity = { trustDomain: signer.trustDomain, namespace, serviceAccount };
  const { chain } = await signer.sign({ identity, csr, lifetimeSeconds: seconds });
  return { keyPem, chainPem: chain.join('') };
}

type Stream = ClientDuplexStream<Buffer, Buffer>;

function open(certificate?: Certificate, token?: string): Stream {
  const roots = Buffer.from(authority.trustBundle().join(''));
  const channel = certificate
    ? credentials.createSsl(roots, Buffer.from(certificate.keyPem), Buffer.from(certificate.chainPem))
    : credentials.createSsl(roots);
  const client = new Client(`127.0.0.1:${portNumber}`, channel, {
    'grpc.ssl_target_name_override': HOST,
    'grpc.enable_retries': 0,
  });
  opened.push(client);
  const metadata = new Metadata();
  if (token) metadata.set('authorization', `Bearer ${token}`);
  const { path, requestSerialize, responseDeserialize } = aggregatedDiscoveryService.DeltaAggregatedResources;
  return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
}

/** The names of the first clusters that come, or why none do. */
async function ask(stream: Stream, nodeId: string): Promise<string[] | number> {
  const answer = new Promise<string[] | number>((resolve) => {
    stream.once('data', (bytes: Buffer) => {
      const { resources = [] } = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes);
      resolve(resources.map(({ name }) => name!));
    });
    stream.once('error', ({ code }: ServiceError) => resolve(code));
  });
  stream.write(
    Buffer.from(
      encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', { node: { id: nodeId }, type_url: TypeUrl.cluster }),
    ),
  );
  return answer;
}

const endOf = (stream: Stream) => new Promise<ServiceError>((resolve) => stream.once('error', resolve));
const WEB_CLUSTER = 'outbound|80||web.shop.svc.cluster.local';

describe('a proxy on the TLS port', () => {
  test('gets the configuration of its own Pod by its certificate', async () => {
    expect(await ask(open(await certificateOf('web')), id('web-1'))).toContain(WEB_CLUSTER);
  });

  test('gets it by a token of its service account', async () => {
    expect(await ask(open(undefined, 'web.good.token'), id('web-1'))).toContain(WEB_CLUSTER);
  });

  test.each([
    ['the Pod of another service account', id('admin-1', '127.0.0.9'), 'runs as admin'],
    ['a Pod at another address', id('web-1', '127.0.0.9'), '127.0.0.9 of the node id is not an address'],
    [
      'to be in another namespace',
      'sidecar~127.0.0.1~web-1.bank~bank.svc.cluster.local',
      'claims to be in namespace bank',
    ],
  ])('is refused when it claims %s, and the log says who tried', async (_, nodeId, reason) => {
    expect(await ask(open(await certificateOf('web')), nodeId)).toBe(status.PERMISSION_DENIED);
    expect(await ask(open(undefined, 'web.good.token'), nodeId)).toBe(status.PERMISSION_DENIED);
    expect(warnings.filter((line) => line.includes(reason) && line.includes(nodeId))).toHaveLength(2);
  });

  test('is refused without a credential, with a bad token, and put off when tokens cannot be reviewed', async () => {
    expect(await ask(open(), id('web-1'))).toBe(status.UNAUTHENTICATED);
    expect(await ask(open(undefined, 'a.bad.token'), id('web-1'))).toBe(status.UNAUTHENTICATED);
    expect(await ask(open(undefined, 'no.body.knows'), id('web-1'))).toBe(status.UNAVAILABLE);
    expect(warnings.join()).not.toContain('a.bad.token');
  });

  test.each([
    ['of another authority', { trustDomain: DOMAIN }],
    ['of another trust domain', { trustDomain: 'other.example' }],
  ])('is refused with a certificate %s', async (_, options) => {
    const signer = await CitadelAuthority.open({ storage: memoryStorage(), ...options });
    expect(await ask(open(await certificateOf('web', { signer })), id('web-1'))).toBe(status.UNAVAILABLE);
    expect(warnings.join()).toContain('connection refused');
  });

  test('trusts nothing that the node says about itself', async () => {
    const stream = open(await certificateOf('web'));
    const metadata = { INTERCEPTION_MODE: 'NONE', MALHA_APP_ADDRESS: '10.1.2.3', LABELS: { app: 'admin' } };
    const listeners = new Promise<Buffer>((resolve) => stream.once('data', resolve));
    const request = { node: { id: id('web-1'), metadata }, type_url: TypeUrl.listener };
    stream.write(Buffer.from(encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', request)));
    const text = JSON.stringify(decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', await listeners));
    expect(text).toContain('"port_value":15001');
    expect(text).not.toContain('10.1.2.3');
    stream.on('error', () => {}).cancel();
  });
});

describe('secrets made for a connection', () => {
  /** Subscribes to secrets, and collects what comes, each time with an ACK. */
  function subscribe(stream: Stream, nodeId: string, names = ['default', 'ROOTCA']) {
    const received: Record<string, { key?: string; chain?: string; roots?: string }[]> = {};
    const send = (fields: object) => {
      const message = { node: { id: nodeId }, type_url: TypeUrl.secret, ...fields };
      stream.write(Buffer.from(encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', message)));
    };
    stream.on('data', (bytes: Buffer) => {
      const { resources = [], nonce } = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes);
      for (const { name, resource } of resources) {
        const secret = resource as unknown as {
          tls_certificate?: { certificate_chain: { inline_bytes: string }; private_key: { inline_bytes: string } };
          validation_context?: { trusted_ca: { inline_bytes: string } };
        };
        const text = (base64?: string) => base64 && Buffer.from(base64, 'base64').toString();
        received[name!] ??= [];
        received[name!]!.push({
          key: text(secret.tls_certificate?.private_key.inline_bytes),
          chain: text(secret.tls_certificate?.certificate_chain.inline_bytes),
          roots: text(secret.validation_context?.trusted_ca.inline_bytes),
        });
      }
      send({ response_nonce: nonce });
    });
    stream.on('error', () => {});
    send({ resource_names_subscribe: names });
    return received;
  }
  const until = async (condition: () => boolean) => {
    for (const end = Date.now() + 5_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 5))) {
      if (Date.now() > end) throw new Error(`waited in vain for ${condition}`);
    }
  };

  test('reach the connection whose token proved the identity, with a key that is its alone', async () => {
    const first = subscribe(open(undefined, 'web.good.token'), id('web-1'));
    const second = subscribe(open(undefined, 'web.good.token'), id('web-1'));
    await until(() => [first, second].every(({ default: own, ROOTCA }) => own?.length === 1 && ROOTCA?.length === 1));
    const [a, b] = [first['default']![0]!, second['default']![0]!];
    const leaf = new X509Certificate(a.chain!);
    expect(leaf.subjectAltName).toBe(`URI:spiffe://${DOMAIN}/ns/shop/sa/web`);
    expect(leaf.checkPrivateKey(createPrivateKey(a.key!))).toBe(true);
    expect(b.key).not.toBe(a.key);
    expect(first['ROOTCA']![0]!.roots).toBe(authority.trustBundle().join(''));
  });

  test('are sent once, whatever changes in the mesh, and forgotten with the connection', async () => {
    const stream = open(undefined, 'web.good.token');
    const received = subscribe(stream, id('web-1'));
    await until(() => received['default']?.length === 1);
    for (let round = 0; round < 5; round++) source.update([WEB, ADMIN, service(`web-${round}`, 'shop')]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received['default']).toHaveLength(1);
    expect(secrets.count()).toEqual({ held: 1, overdue: 0 });
    stream.cancel();
    await until(() => secrets.count().held === 0);
  });

  test('are never for whoever shows a certificate, nor for a claim that is refused (THREATS 17)', async () => {
    const byCertificate = open(await certificateOf('web'));
    const received = subscribe(byCertificate, id('web-1'));
    const refused = open(undefined, 'web.good.token');
    const end = endOf(refused);
    const stolen = subscribe(refused, id('admin-1', '127.0.0.9'));
    expect((await end).code).toBe(status.PERMISSION_DENIED);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([received, stolen]).toEqual([{}, {}]);
    expect(secrets.count().held).toBe(0);
  });

  test('are renewed at half of their life with a new key, and with every change of roots', async () => {
    const received = subscribe(open(undefined, 'web.good.token'), id('web-1'));
    await until(() => received['default']?.length === 1);
    now += 0.49 * DAY;
    secrets.renew();
    now += 0.02 * DAY;
    secrets.renew();
    await until(() => received['default']!.length === 2);
    expect(received['default']![1]!.key).not.toBe(received['default']![0]!.key);
    expect(received['ROOTCA']).toHaveLength(1);
    now += 6 * 365 * DAY;
    await authority.rotate();
    await until(() => received['ROOTCA']!.length === 2);
    expect(received['ROOTCA']![1]!.roots!.match(/BEGIN/g)).toHaveLength(2);
  });
});

describe('access ends', () => {
  test('when the Pod is gone, or is another account’s by now', async () => {
    const moved = open(await certificateOf('web'));
    await ask(moved, id('web-1'));
    const end = endOf(moved);
    source.update([runningAs(WEB, 'other'), ADMIN, service('web', 'shop')]);
    expect((await end).code).toBe(status.PERMISSION_DENIED);

    source.update([WEB, ADMIN, service('web', 'shop')]);
    const deleted = open(await certificateOf('web'));
    await ask(deleted, id('web-1'));
    const gone = endOf(deleted);
    source.update([ADMIN, service('web', 'shop')]);
    expect((await gone).code).toBe(status.PERMISSION_DENIED);
  });

  test('with the token', async () => {
    const stream = open(undefined, 'web.short.token');
    await ask(stream, id('web-1'));
    expect((await endOf(stream)).code).toBe(status.UNAUTHENTICATED);
  });

  test('with the certificate, by cutting the connection off', async () => {
    const stream = open(await certificateOf('web', { seconds: 600 }));
    expect(await ask(stream, id('web-1'))).toContain(WEB_CLUSTER);
    const end = endOf(stream);
    now += 601_000;
    port.refresh();
    expect((await end).code).toBe(status.UNAVAILABLE);
    expect(warnings.join()).toContain('the certificate expired');
  });

  test('with the root, when it retires (THREATS 26)', async () => {
    const short = {
      rootSeconds: 20 * 86_400,
      intermediateSeconds: 10 * 86_400,
      rotation: { distributionSeconds: 60, leafSeconds: 86_400, skewSeconds: 0 },
    };
    const storage = memoryStorage();
    authority = await CitadelAuthority.open({ storage, trustDomain: DOMAIN, clock: () => new Date(now), ...short });
    serving = await makeServing();
    port.refresh();
    const before = authority.trustBundle();
    const stream = open(await certificateOf('web'));
    expect(await ask(stream, id('web-1'))).toContain(WEB_CLUSTER);
    const end = endOf(stream);
    now += 10 * DAY;
    for (const wait of [0, 61_000, DAY + 1_000]) {
      now += wait;
      await authority.rotate();
    }
    expect(authority.trustBundle()).not.toEqual(before);
    // Back to when the certificate is good, so that it is the root alone that ends it.
    now -= 11 * DAY;
    port.refresh();
    expect((await end).code).toBe(status.UNAVAILABLE);
    expect(warnings.join()).toContain('not signed by an authority of this mesh');
  });
});

describe('TLS sessions', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s are never resumed (THREATS 26)', async (version) => {
    const certificate = await certificateOf('web');
    const dial = (session?: Buffer) =>
      new Promise<{ socket: TLSSocket; session?: Buffer }>((resolve, reject) => {
        const socket = connect({
          host: '127.0.0.1',
          port: portNumber,
          servername: HOST,
          ca: authority.trustBundle().join(''),
          key: certificate.keyPem,
          cert: certificate.chainPem,
          ALPNProtocols: ['h2'],
          minVersion: version,
          maxVersion: version,
          session,
        });
        let ticket: Buffer | undefined;
        socket.on('session', (given: Buffer) => {
          ticket = given;
        });
        socket.on('error', reject);
        // The first frame of the server comes behind its tickets.
        socket.once('data', () => resolve({ socket, session: ticket ?? socket.getSession() }));
      });
    const first = await dial();
    expect(first.session).toBeDefined();
    const second = await dial(first.session);
    expect(second.socket.isSessionReused()).toBe(false);
    for (const { socket } of [first, second]) socket.destroy();
  });
});

test('the serving certificate names the control plane, and is renewed with a new key at half of its life', async () => {
  // Clients go by the real time, at which the certificates have to be good.
  now -= 0.6 * DAY;
  authority = await CitadelAuthority.open({
    storage: memoryStorage(),
    trustDomain: DOMAIN,
    clock: () => new Date(now),
  });
  serving = await makeServing();
  const before = new X509Certificate(serving.chainPem);
  expect(before.subjectAltName).toBe(`URI:spiffe://${DOMAIN}/ns/malha-system/sa/malha-control-plane, DNS:${HOST}`);
  now += 0.4 * DAY;
  expect(await serving.renew()).toBe(false);
  now += 0.2 * DAY;
  expect([serving.isOverdue, await serving.renew()]).toEqual([false, true]);
  port.refresh();
  const after = new X509Certificate(serving.chainPem);
  expect(after.publicKey.equals(before.publicKey)).toBe(false);
  expect(await ask(open(await certificateOf('web')), id('web-1'))).toContain(WEB_CLUSTER);
});
