/**
 * THREATS 27, as a drill: two real Envoys call each other over mutual TLS without a pause, while leaves, intermediates and roots
 * are rotated, files are swapped as the kubelet does, and the control plane is stopped and started again. Lives are scaled: a
 * leaf lives 6 s, and an absence of 2 s is just under what a leaf at its half has left.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import { TOKEN_AUDIENCE } from '../../apps/control-plane/citadel';
import type { Status } from '../../apps/control-plane/status';
import { fileStorage } from '../../lib/citadel/file-storage';
import { jwksTokenReviewer } from '../../lib/citadel/jwks-token-reviewer';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { freePort } from '../xds/plain-envoy';
import { CredentialVolume } from './credential-volume';
import { MutualEnvoy } from './mutual-envoy';
import { ISSUER, issuerKeys, token } from './tokens';

const HOST = 'malha-control-plane.malha-system.svc.cluster.local';
const LEAF_SECONDS = 6;
/** Until the second root has retired: a root is replaced at its half, and its successor counts from then. */
const DRILL_MILLISECONDS = 75_000;
const OUTAGE_AT = 18_000;
const OUTAGE_MILLISECONDS = 2_000;

const podOf = (name: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}-1, namespace: drill }
spec: { serviceAccountName: ${name}, containers: [{ name: app }] }
status: { podIP: 127.0.0.1 }
---
`;
const identityOf = (name: string) => `spiffe://cluster.local/ns/drill/sa/${name}`;
const nodeOf = (name: string) => `sidecar~127.0.0.1~${name}-1.drill~drill.svc.cluster.local`;

test('nothing fails while leaves, intermediates and roots rotate, and the control plane is away in between', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'malha-rotation-'));
  await mkdir(join(folder, 'objects'));
  await writeFile(join(folder, 'objects', 'pods.yaml'), podOf('a') + podOf('b'));
  const [xds, ...ports] = (await Promise.all(Array.from({ length: 5 }, freePort))) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const storage = fileStorage(join(folder, 'ca'));
  const transitions: string[] = [];
  const start = () => startDrilled(join(folder, 'objects'), xds, storage, transitions);
  let running = await start();
  const { files } = (await storage.load())!;
  const root = Object.entries(files).find(([name]) => name.endsWith('root-cert.pem'))![1];
  const { path: envoy } = await findEnvoy();

  const sides = await Promise.all(
    ['a', 'b'].map(async (name, at) => {
      const directory = join(folder, name);
      const claims = { sub: `system:serviceaccount:drill:${name}`, 'kubernetes.io': {} };
      const volume = new CredentialVolume({
        directory: join(directory, 'credentials'),
        port: xds,
        serverName: HOST,
        token: () => token({ now: Date.now(), claims }),
      });
      await volume.start(root);
      const proxy = new MutualEnvoy({
        envoy,
        directory,
        nodeId: nodeOf(name),
        credentials: {
          bundle: volume.bundle,
          trustBundle: volume.trustBundle,
          directory: join(directory, 'credentials'),
        },
        outboundPort: ports[at]!,
        inboundPort: ports[2 + at]!,
        peer: { port: ports[3 - at]!, identity: identityOf(name === 'a' ? 'b' : 'a') },
        controlPlane: { port: xds, serverName: HOST },
      });
      proxy.start();
      return { volume, proxy, port: ports[at]! };
    }),
  );
  try {
    await Promise.all(sides.map(({ port, proxy }) => answers(port, () => proxy.log)));
    const end = Date.now() + DRILL_MILLISECONDS;
    const loads = sides.map(({ port }) => load(port, end));
    await sleep(OUTAGE_AT);
    await running.stop();
    await sleep(OUTAGE_MILLISECONDS);
    // Long enough that somebody has asked in vain, whose certificate is good for as long again.
    const felt = () => sides.some(({ volume }) => volume.failures > 0);
    await eventually(async () => expect(felt()).toBe(true));
    running = await start();
    const [a, b] = (await Promise.all(loads)) as [Load, Load];

    expect([a.failures, b.failures]).toEqual([[], []]);
    expect(Math.min(a.answered, b.answered)).toBeGreaterThan(2_000);
    for (const { volume } of sides) {
      expect(volume.leaves.length).toBeGreaterThan(15);
      expect(volume.issuers.size).toBeGreaterThanOrEqual(5);
      expect(volume.roots.size).toBeGreaterThanOrEqual(3);
    }
    expect(transitions.filter((kind) => kind === 'retire').length).toBeGreaterThanOrEqual(4);
    // The same credentials have led both to the control plane again and again, whose own rotate as well.
    await eventually(async () => expect(await syncedProxies(running)).toEqual([nodeOf('a'), nodeOf('b')]));
  } finally {
    await Promise.all(sides.map(({ volume }) => volume.stop()));
    await Promise.all(sides.map(({ proxy }) => proxy.stop()));
    await running.stop();
    await rm(folder, { recursive: true, maxRetries: 10 });
  }
}, 150_000);

function startDrilled(
  objects: string,
  xdsPort: number,
  storage: ReturnType<typeof fileStorage>,
  transitions: string[],
): Promise<RunningControlPlane> {
  const note = (_: object, message: string) => {
    const [, kind] = /^authority: (.*)/.exec(message) ?? [];
    if (kind) transitions.push(kind);
  };
  return startControlPlane({
    registry: { kind: 'files', files: [objects] },
    http: '127.0.0.1:0',
    citadel: {
      storage,
      address: `127.0.0.1:${xdsPort}`,
      leafSeconds: LEAF_SECONDS,
      minLeafSeconds: LEAF_SECONDS,
      intermediateSeconds: 20,
      rootSeconds: 44,
      rotation: { distributionSeconds: 6, skewSeconds: 1 },
      reviewer: jwksTokenReviewer({
        keys: [{ ...issuerKeys.publicKey.export({ format: 'jwk' }), kid: 'one' }],
        issuer: ISSUER,
        audience: TOKEN_AUDIENCE,
      }),
    },
    log: { info: note, warn: () => {}, error: () => {} },
  });
}

interface Load {
  answered: number;
  failures: string[];
}

/** Four callers that wait for each answer, and a little after it. */
async function load(port: number, end: number): Promise<Load> {
  const result: Load = { answered: 0, failures: [] };
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const caller = async () => {
    while (Date.now() < end) {
      const answer = await get(port, agent);
      if (answer === '200 ok') result.answered++;
      else result.failures.push(`${answer} at ${new Date().toISOString()}`);
      await sleep(20);
    }
  };
  await Promise.all([caller(), caller(), caller(), caller()]);
  agent.destroy();
  return result;
}

function get(port: number, agent?: Agent): Promise<string> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, agent }, (response) => {
      let body = '';
      response.on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    });
    call.on('error', (error) => resolve(error.message));
    call.end();
  });
}

async function answers(port: number, context: () => string): Promise<void> {
  await eventually(async () => expect(await get(port)).toBe('200 ok'), context);
}

async function syncedProxies({ httpPort }: RunningControlPlane): Promise<string[]> {
  const status = (await (await fetch(`http://127.0.0.1:${httpPort}/status`)).json()) as Status;
  const synced = status.proxies.filter(({ types }) => types.clusters.state === 'synced');
  return [...new Set(synced.map(({ node }) => node.id))];
}

async function eventually(check: () => Promise<void>, context = () => ''): Promise<void> {
  for (const end = Date.now() + 15_000; ; await sleep(50)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw new Error(`${(error as Error).message}\n${context()}`);
    }
  }
}
