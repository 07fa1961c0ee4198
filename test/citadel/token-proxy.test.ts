/**
 * What a proxy whose key the control plane makes (`Identity.sds()`) calls the control plane for beside its configuration: global
 * rate limits, and access logs. Both want to know who calls, and a token is shown to ADS alone.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import { TOKEN_AUDIENCE } from '../../apps/control-plane/citadel';
import type { Status } from '../../apps/control-plane/status';
import { jwksTokenReviewer } from '../../lib/citadel/jwks-token-reviewer';
import { memoryStorage } from '../../lib/citadel/memory-storage';
import { identityVolume } from '../../lib/injector/identity';
import { pod, service, slice } from '../world/sample';
import { freePort, eventually as untilHolds } from '../xds/plain-envoy';
import { CONTROL_PLANE_HOST, InjectedEnvoy } from './injected-envoy';
import { ISSUER, issuerKeys, token } from './tokens';

const ROOT = 'malha-system';
const NODE = 'router~127.0.0.1~edge-1.shop~shop.svc.cluster.local';

let folder: string;
let running: RunningControlPlane;
let envoy: InjectedEnvoy;
let port: number;
let appPort: number;
const app = createHttpServer((_, response) => response.end('ok'));
const warnings: string[] = [];

const object = (apiVersion: string, kind: string, name: string, namespace: string, spec: object) => ({
  apiVersion,
  kind,
  metadata: { name, namespace },
  spec,
});

function objects(controlPlanePort: number): object[] {
  const edge = pod('edge-1', 'shop', { istio: 'edge' }, '127.0.0.1');
  const containers = [{ name: 'istio-proxy', args: ['proxy', 'router'] }];
  const provider = { name: 'calls', envoyHttpAls: { service: CONTROL_PLANE_HOST, port: 15012 } };
  const servers = [{ port: { number: port, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }];
  const mtls = { mode: 'ISTIO_MUTUAL', subjectAltNames: [CONTROL_PLANE_HOST] };
  return [
    { ...edge, spec: { serviceAccountName: 'edge', containers, volumes: [identityVolume('sds')] } },
    object('networking.istio.io/v1', 'Gateway', 'edge', 'shop', { selector: { istio: 'edge' }, servers }),
    object('networking.istio.io/v1', 'VirtualService', 'edge', 'shop', {
      hosts: ['*'],
      gateways: ['edge'],
      http: [{ route: [{ destination: { host: 'app' } }] }],
    }),
    object('malha.dev/v1alpha1', 'RateLimit', 'three', 'shop', {
      mode: 'global',
      onUnavailable: 'deny',
      timeout: '5s',
      rules: [{ match: { path: { exact: '/counted' } }, limit: { requests: 3, per: 'hour' } }],
    }),
    service('app', 'shop'),
    slice('app', 'shop', ['127.0.0.1'], appPort),
    service('malha-control-plane', ROOT, { ports: [{ name: 'https-dns', port: 15012, appProtocol: 'grpc' }] }),
    {
      ...slice('malha-control-plane', ROOT, ['127.0.0.1'], controlPlanePort),
      ports: [{ name: 'https-dns', port: controlPlanePort }],
    },
    object('networking.istio.io/v1', 'DestinationRule', 'malha-control-plane', ROOT, {
      host: CONTROL_PLANE_HOST,
      trafficPolicy: { portLevelSettings: [{ port: { number: 15012 }, tls: mtls }] },
    }),
    object('telemetry.istio.io/v1', 'Telemetry', 'mesh', ROOT, {
      accessLogging: [{ providers: [{ name: provider.name }] }],
    }),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: ROOT },
      data: { mesh: stringify({ rootNamespace: ROOT, extensionProviders: [provider] }) },
    },
  ];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-token-proxy-'));
  await mkdir(join(folder, 'objects'));
  await mkdir(join(folder, 'identity'));
  port = await freePort();
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  appPort = (app.address() as AddressInfo).port;
  const xds = await freePort();
  await writeFile(
    join(folder, 'objects', 'mesh.yaml'),
    objects(xds)
      .map((each) => stringify(each))
      .join('---\n'),
  );
  const storage = memoryStorage();
  running = await startControlPlane({
    registry: { kind: 'files', files: [join(folder, 'objects')] },
    rootNamespace: ROOT,
    http: '127.0.0.1:0',
    citadel: {
      storage,
      address: `127.0.0.1:${xds}`,
      reviewer: jwksTokenReviewer({
        keys: [{ ...issuerKeys.publicKey.export({ format: 'jwk' }), kid: 'one' }],
        issuer: ISSUER,
        audience: TOKEN_AUDIENCE,
      }),
    },
    log: {
      info: () => {},
      error: () => {},
      warn: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
    },
  });
  const { files } = (await storage.load())!;
  const roots = Object.entries(files).find(([name]) => name.endsWith('root-cert.pem'))![1];
  const claims = { sub: 'system:serviceaccount:shop:edge', 'kubernetes.io': {} };
  await writeFile(join(folder, 'identity', 'token'), token({ now: Date.now(), claims }));
  await writeFile(join(folder, 'identity', 'trust-bundle.pem'), roots);
  envoy = await InjectedEnvoy.start({
    identity: 'sds',
    nodeId: NODE,
    directory: join(folder, 'identity'),
    controlPlanePort: running.xdsTlsPort,
  });
}, 60_000);

afterAll(async () => {
  await envoy?.stop();
  app.close();
  await running?.stop();
  await rm(folder, { recursive: true });
});

test('a proxy with a token asks for global limits by the certificate that it was sent', async () => {
  await eventually(async () => expect(await ask('/counted')).toBe(429));
  expect(await ask('/free')).toBe(200);
  const page = await (await fetch(`http://127.0.0.1:${running.httpPort}/metrics`)).text();
  expect(page).toContain('malha_rate_limit_decisions{outcome="allowed"} 3\n');
  expect(page).toContain('malha_rate_limit_decisions{outcome="refused"} 0\n');
});

test('and is believed what it tells of its calls', async () => {
  await ask('/free');
  await eventually(async () => {
    const { calls } = (await (await fetch(`http://127.0.0.1:${running.httpPort}/status`)).json()) as Status;
    expect(calls.map(({ source, code }) => [source, code])).toContainEqual(['edge-1.shop', 200]);
  });
  expect(warnings.filter((each) => each.includes('refused'))).toEqual([]);
});

function ask(path: string): Promise<number> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    }).on('error', () => resolve(0));
  });
}

const eventually = (check: () => Promise<void>) =>
  untilHolds(check, () => `${envoy.log}\n${warnings.join('\n')}`, 15_000);
