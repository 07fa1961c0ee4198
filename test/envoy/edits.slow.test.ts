/**
 * Updates never hurt: thousands of random edits of routes, subsets, clusters and endpoints, while requests go through a
 * sidecar and a gateway, without a retry anywhere. Failed is any reset, any error, and any answer of a version that no
 * state of the mesh allowed while the request was under way.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { MeshSource } from '../../lib/xds/mesh-source';
import type { Variant } from '../../lib/xds/request';
import { XdsServer } from '../../lib/xds/server';
import { pod } from '../world/sample';
import { silent } from '../xds/fake-client';
import { bootstrapOf, freePort } from '../xds/plain-envoy';
import { EditedMesh, hostName, seeded, VERSIONS, type Version } from './random-edits';

const HOSTS = 8;
const CLIENT = '127.88.0.1';
const EDGE = '127.88.0.2';
/** At once, each over a connection that is kept. */
const CALLERS = 12;
/** The load keeps step with the edits, whatever the machine gives: at 100 edits a second, 300 requests a second. */
const REQUESTS_PER_EDIT = 3;
/** Envoy's workers take over what was acknowledged; requests that started this much later must know it. */
const WORKERS_LAG_MS = 1_000;

/** `EDITS=10000` is the whole. */
const EDITS: Record<Variant, number> = { delta: Number(process.env.EDITS ?? 2_000), state: 500 };

const addressOf = (host: number, version: Version, index: number) =>
  `127.88.${1 + host}.${10 * (1 + VERSIONS.indexOf(version)) + index}`;

/** What a state allowed, and since when no older one was in force anywhere. */
interface Commit {
  readonly at: number;
  readonly allowed: ReadonlySet<string>[];
  convergedAt: number;
}

describe.each<Variant>(['delta', 'state'])('random edits over %s', (variant) => {
  let server: Server;
  let serverPort: number;
  let proxyPort: number;
  let xds: XdsServer;
  let source: MeshSource;
  const envoys: ChildProcess[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });

  beforeAll(async () => {
    // Who answers is told by the address that was connected to.
    server = createServer((incoming, response) => response.end(incoming.socket.localAddress));
    server.keepAliveTimeout = 600_000;
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    serverPort = (server.address() as AddressInfo).port;
    proxyPort = await freePort();
    source = new MeshSource({
      log: silent,
      meshConfig: { proxyHttpPort: proxyPort, defaultHttpRetryPolicy: { attempts: 0 } },
    });
    xds = new XdsServer(source, { log: silent });
    const xdsPort = await xds.listen('127.0.0.1:0');
    const { path } = await findEnvoy();
    for (const id of [
      `sidecar~${CLIENT}~client.shop~shop.svc.cluster.local`,
      `router~${EDGE}~edge.shop~shop.svc.cluster.local`,
    ]) {
      const bootstrap = bootstrapOf(variant, xdsPort, id) as { node: object };
      bootstrap.node = { ...bootstrap.node, metadata: { INTERCEPTION_MODE: 'NONE', MALHA_APP_ADDRESS: CLIENT } };
      const args = ['--config-yaml', JSON.stringify(bootstrap), '--use-dynamic-base-id', '--concurrency', '2'];
      envoys.push(spawn(path, [...args, '-l', 'off'], { stdio: 'ignore' }));
    }
  });

  afterAll(async () => {
    agent.destroy();
    for (const envoy of envoys) {
      envoy.kill('SIGKILL');
      await once(envoy, 'exit');
    }
    await xds?.close();
    server?.closeAllConnections();
    server?.close();
  });

  const isSettled = () => {
    const types = xds.proxies().flatMap((proxy) => Object.values(proxy.types));
    const rejected = types.find(({ state }) => state === 'nacked');
    if (rejected) throw new Error(`rejected: ${rejected.error}`);
    return xds.proxies().length === 2 && types.every(({ state }) => state === 'synced' || state === 'unsubscribed');
  };

  const fixed = [pod('client', 'shop', { app: 'client' }, CLIENT), pod('edge', 'shop', { istio: 'edge' }, EDGE)];

  test(`${EDITS[variant]} of them lose no request, and no request meets what was never meant`, async () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    const random = seeded(seed);
    const mesh = new EditedMesh(HOSTS, random, addressOf, serverPort);
    const commits: Commit[] = [];
    const commit = () => {
      source.update([...mesh.objects(), ...fixed]);
      if (source.findings.some(({ level }) => level === 'error')) throw new Error(source.findings[0]!.message);
      const allowed = Array.from({ length: HOSTS * 2 }, (_, i) => mesh.allowed(i >> 1, i % 2 === 1));
      commits.push({ at: performance.now(), allowed, convergedAt: Number.POSITIVE_INFINITY });
    };
    let newestConverged = -1;
    const noteProgress = () => {
      if (newestConverged === commits.length - 1 || !isSettled()) return;
      newestConverged = commits.length - 1;
      commits[newestConverged]!.convergedAt = performance.now();
    };

    const failures: string[] = [];
    const perHost = new Array<number>(HOSTS).fill(0);
    let answered = 0;
    let isDone = false;
    /** The versions that any state allowed between the start and the end of a request. */
    const allowedBetween = (start: number, end: number, index: number) => {
      const versions = new Set<string>();
      for (let i = commits.length - 1; i >= 0; i--) {
        if (commits[i]!.at > end) continue;
        for (const version of commits[i]!.allowed[index]!) versions.add(version);
        // Every proxy had this one before the request began, so nothing older counts.
        if (commits[i]!.convergedAt + WORKERS_LAG_MS < start) break;
      }
      return versions;
    };
    const call = async (caller: number) => {
      for (let n = caller; !isDone; n += CALLERS) {
        const host = n % HOSTS;
        const isCanary = random() < 0.3;
        const start = performance.now();
        const answer = await ask(host, isCanary, n % 3 === 0);
        const allowed = allowedBetween(start, performance.now(), 2 * host + Number(isCanary));
        perHost[host]!++;
        answered++;
        if (!answer.version || !allowed.has(answer.version)) {
          failures.push(`${hostName(host)} canary=${isCanary}: ${JSON.stringify(answer)}, allowed ${[...allowed]}`);
        }
      }
    };

    commit();
    const deadline = Date.now() + 20_000;
    while (!isSettled() && Date.now() < deadline) await sleep(10);
    await sleep(WORKERS_LAG_MS);
    noteProgress();
    const callers = Array.from({ length: CALLERS }, (_, caller) => call(caller));
    const kinds: Record<string, number> = {};
    const lastEdits = new Array<number>(HOSTS).fill(0);
    try {
      for (let edit = 0; edit < EDITS[variant]; edit++) {
        // Two edits of one host that reach a proxy as one may pass in an order that neither state allowed; so the next
        // edit of a host waits for the one before. Edits of different hosts overlap as they like.
        const free = () => lastEdits.flatMap((last, host) => (last <= newestConverged ? [host] : []));
        while (free().length === 0) {
          await sleep(1);
          noteProgress();
        }
        const { host, kind } = mesh.edit(free());
        kinds[kind] = (kinds[kind] ?? 0) + 1;
        commit();
        lastEdits[host] = commits.length - 1;
        noteProgress();
        // In bursts and with pauses, so that responses meet proxies in every state.
        await sleep(random() < 0.02 ? 60 : random() * 8);
        while (answered < REQUESTS_PER_EDIT * edit && failures.length <= 20) await sleep(1);
        noteProgress();
        if (failures.length > 20) break;
      }
    } finally {
      isDone = true;
      await Promise.all(callers);
    }
    expect({ seed, failures }).toEqual({ seed, failures: [] });
    expect(Object.keys(kinds)).toHaveLength(7);
    // The load that makes the claim worth something is on every host.
    expect(Math.min(...perHost)).toBeGreaterThan((REQUESTS_PER_EDIT * EDITS[variant]) / HOSTS / 2);
  }, 1_200_000);

  /** Through the sidecar as HTTP proxy, or through the gateway. */
  function ask(host: number, isCanary: boolean, viaGateway: boolean): Promise<{ version?: string; problem?: string }> {
    const name = viaGateway ? `${hostName(host)}.example` : hostName(host);
    const headers = { host: name, ...(isCanary && { 'x-canary': 'yes' }) };
    const options = viaGateway
      ? { host: EDGE, port: 8080, path: '/' }
      : { host: CLIENT, port: proxyPort, path: `http://${name}/` };
    return new Promise((resolve) => {
      const sent = request({ ...options, headers, agent }, (response) => {
        let body = '';
        response.on('data', (data) => {
          body += data;
        });
        response.on('end', () => {
          const octet = Number(/^127\.88\.\d+\.(\d+)$/.exec(body.replace('::ffff:', ''))?.[1]);
          const version = VERSIONS[Math.floor(octet / 10) - 1];
          resolve(response.statusCode === 200 && version ? { version } : { problem: `${response.statusCode} ${body}` });
        });
        response.on('error', (error) => resolve({ problem: error.message }));
      });
      sent.on('error', (error) => resolve({ problem: error.message }));
      sent.end();
    });
  }
});
