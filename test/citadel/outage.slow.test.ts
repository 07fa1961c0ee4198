/**
 * THREATS 4, as a drill: a gateway calls a sidecar over mutual TLS without a pause, both real Envoys by the bootstrap of injection,
 * whose keys the control plane makes (`Identity.sds()`). It goes away: at first for just under half of a leaf's life, begun
 * where that is worst, just before the renewal; then until every leaf has ended. Lives are scaled: a day is a minute.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { stringify } from 'yaml';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import { TOKEN_AUDIENCE } from '../../apps/control-plane/citadel';
import { jwksTokenReviewer } from '../../lib/citadel/jwks-token-reviewer';
import { memoryStorage } from '../../lib/citadel/memory-storage';
import { identityVolume } from '../../lib/injector/identity';
import { destinationRule, gateway, pod, service, sidecar, slice, virtualService } from '../world/sample';
import { freePort, eventually as untilHolds } from '../xds/plain-envoy';
import { InjectedEnvoy } from './injected-envoy';
import { ISSUER, issuerKeys, token } from './tokens';

const ROOT = 'malha-system';
const LEAF_MILLISECONDS = 60_000;
/** A renewal comes at half of a life less 5 % at the earliest, which is after 27 s. */
const BEFORE_RENEWAL = 26_500;
const SHORT_OUTAGE = 25_000;
const RECOVERY = 30_000;

const storage = memoryStorage();
const app = createHttpServer((_, response) => response.end('ok'));
let folder: string;
let running: RunningControlPlane | undefined;
let proxies: InjectedEnvoy[] = [];
let ports: { xds: number; edge: number; sidecar: number };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-outage-'));
  await mkdir(join(folder, 'objects'));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  ports = { xds: await freePort(), edge: await freePort(), sidecar: await freePort() };
  const written = objects().map((each) => stringify(each));
  await writeFile(join(folder, 'objects', 'mesh.yaml'), written.join('---\n'));
  await startAgain();
  const { files } = (await storage.load())!;
  const roots = Object.entries(files).find(([name]) => name.endsWith('root-cert.pem'))![1];
  const proxy = async (kind: 'router' | 'sidecar', name: string) => {
    const directory = join(folder, name);
    await mkdir(directory);
    const claims = { sub: `system:serviceaccount:shop:${name}`, 'kubernetes.io': {} };
    await writeFile(join(directory, 'token'), token({ now: Date.now(), claims }));
    await writeFile(join(directory, 'trust-bundle.pem'), roots);
    const nodeId = `${kind}~127.0.0.1~${name}-0.shop~shop.svc.cluster.local`;
    return InjectedEnvoy.start({ identity: 'sds', nodeId, directory, controlPlanePort: ports.xds });
  };
  proxies = await Promise.all([proxy('router', 'edge'), proxy('sidecar', 'app')]);
  await eventually(async () => expect(await ask()).toBe(200));
}, 60_000);

afterAll(async () => {
  await Promise.all(proxies.map((each) => each.stop()));
  app.close();
  await running?.stop();
  await rm(folder, { recursive: true });
});

test('nothing fails while the control plane is away for just under half of a leaf’s life', async () => {
  const before = await leafOfSidecar();
  const load = new Load();
  await sleep(before.end - LEAF_MILLISECONDS + BEFORE_RENEWAL - Date.now());
  await stop();
  await sleep(SHORT_OUTAGE);
  expect((await leafOfSidecar()).serial).toBe(before.serial);
  await startAgain();
  // Beyond the end of what they had when it went away.
  await sleep(before.end + 5_000 - Date.now());
  const answers = await load.stop();

  expect((await leafOfSidecar()).serial).not.toBe(before.serial);
  expect([...new Set(answers.map(({ status }) => status))]).toEqual([200]);
  expect(answers.length).toBeGreaterThan(500);
}, 120_000);

test('when it is away until every leaf has ended, nobody gets through, and 30 s after its return everybody does', async () => {
  const { end } = await leafOfSidecar();
  const load = new Load();
  await stop();
  // The gateway's leaf was made within seconds of the sidecar's.
  await sleep(end + 15_000 - Date.now());
  const back = Date.now();
  await startAgain();
  await sleep(back + RECOVERY + 5_000 - Date.now());
  const answers = await load.stop();

  const between = (from: number, to: number) => answers.filter(({ at }) => at >= from && at < to);
  const statuses = (from: number, to: number) => [...new Set(between(from, to).map(({ status }) => status))];
  expect(statuses(0, end - 15_000)).toEqual([200]);
  // Certificates end within a second of what they say.
  expect(statuses(end + 1_000, back)).toEqual([503]);
  expect(between(end + 1_000, back).length).toBeGreaterThan(100);
  expect(statuses(back + RECOVERY, Number.POSITIVE_INFINITY)).toEqual([200]);
}, 180_000);

function objects(): object[] {
  const containers = [{ name: 'istio-proxy', args: ['proxy', 'router'] }];
  const volumes = [identityVolume('sds')];
  const edge = pod('edge-0', 'shop', { istio: 'edge' }, '127.0.0.1');
  const labels = { app: 'app', 'security.istio.io/tlsMode': 'istio' };
  const server = pod('app-0', 'shop', labels, '127.0.0.1');
  const annotations = { 'sidecar.istio.io/interceptionMode': 'NONE' };
  return [
    { ...edge, spec: { serviceAccountName: 'edge', containers, volumes } },
    {
      ...server,
      metadata: { ...server.metadata, annotations },
      spec: { ...server.spec, serviceAccountName: 'app', volumes },
    },
    service('app', 'shop'),
    slice('app', 'shop', ['127.0.0.1'], ports.sidecar),
    sidecar('app', 'shop', {
      workloadSelector: { labels: { app: 'app' } },
      ingress: [
        {
          port: { number: ports.sidecar, protocol: 'HTTP', name: 'http' },
          bind: '127.0.0.1',
          defaultEndpoint: `127.0.0.1:${(app.address() as AddressInfo).port}`,
        },
      ],
    }),
    gateway('edge', 'shop', {
      selector: { istio: 'edge' },
      servers: [{ port: { number: ports.edge, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
    }),
    // No retries, which would hide what fails, and a handshake for each request.
    virtualService('edge', 'shop', {
      hosts: ['*'],
      gateways: ['edge'],
      http: [{ route: [{ destination: { host: 'app' } }], retries: { attempts: 0 } }],
    }),
    destinationRule('app', 'shop', {
      host: 'app',
      trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } },
    }),
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'default', namespace: ROOT },
      spec: { mtls: { mode: 'STRICT' } },
    },
  ];
}

async function startAgain(): Promise<void> {
  running = await startControlPlane({
    registry: { kind: 'files', files: [join(folder, 'objects')] },
    rootNamespace: ROOT,
    http: '127.0.0.1:0',
    citadel: {
      storage,
      address: `127.0.0.1:${ports.xds}`,
      leafSeconds: LEAF_MILLISECONDS / 1000,
      reviewer: jwksTokenReviewer({
        keys: [{ ...issuerKeys.publicKey.export({ format: 'jwk' }), kid: 'one' }],
        issuer: ISSUER,
        audience: TOKEN_AUDIENCE,
      }),
    },
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
}

async function stop(): Promise<void> {
  await running!.stop();
  running = undefined;
}

/** What the sidecar shows to whoever comes, before it looks at them. */
function leafOfSidecar(): Promise<{ serial: string; end: number }> {
  return new Promise((resolve, reject) => {
    const ALPNProtocols = ['istio-http/1.1', 'istio'];
    const socket = connect({ host: '127.0.0.1', port: ports.sidecar, rejectUnauthorized: false, ALPNProtocols });
    socket.on('secureConnect', () => {
      const { serialNumber, valid_to } = socket.getPeerCertificate();
      socket.destroy();
      resolve({ serial: serialNumber, end: Date.parse(valid_to) });
    });
    socket.on('error', reject);
  });
}

/** Asks all the while. */
class Load {
  private isOver = false;
  private readonly answers: { at: number; status: number }[] = [];
  private readonly callers = [this.call(), this.call()];

  async stop() {
    this.isOver = true;
    await Promise.all(this.callers);
    return this.answers;
  }

  private async call(): Promise<void> {
    while (!this.isOver) {
      const at = Date.now();
      this.answers.push({ at, status: await ask() });
      await sleep(40);
    }
  }
}

function ask(): Promise<number> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port: ports.edge, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    }).on('error', () => resolve(0));
  });
}

const eventually = (check: () => Promise<void>) =>
  untilHolds(check, () => proxies.map(({ log }) => log).join('\n'), 15_000);
