/** The bootstraps that injection writes, in real Envoys, against a real control plane on its TLS port. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type PeerCertificate } from 'node:tls';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import { TOKEN_AUDIENCE } from '../../apps/control-plane/citadel';
import type { Status } from '../../apps/control-plane/status';
import { CitadelAuthority } from '../../lib/citadel/citadel-authority';
import { jwksTokenReviewer } from '../../lib/citadel/jwks-token-reviewer';
import { makeKeyPair } from '../../lib/citadel/key-pair';
import { memoryStorage } from '../../lib/citadel/memory-storage';
import type { ProxyIdentity } from '../../lib/injector';
import { freePort } from '../xds/plain-envoy';
import { CredentialVolume } from './credential-volume';
import { CONTROL_PLANE_HOST, InjectedEnvoy } from './injected-envoy';
import { ISSUER, issuerKeys, token } from './tokens';

const OBJECTS = ['edge', 'other'].map(
  (name) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}-1, namespace: shop, labels: { gateway: ${name} } }
spec: { serviceAccountName: ${name}, containers: [{ name: istio-proxy, args: [router] }] }
status: { podIP: 127.0.0.1 }
---`,
);
const MACHINE = `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: machine, namespace: shop }
spec: { address: 127.0.0.1, serviceAccount: machine, labels: { app: machine } }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: elsewhere, namespace: shop }
spec: { address: 192.0.2.1, serviceAccount: machine }
---`;
const nodeOfMachine = (name: string) => `sidecar~127.0.0.1~${name}.shop~shop.svc.cluster.local`;
const nodeOf = (name: string) => `router~127.0.0.1~${name}-1.shop~shop.svc.cluster.local`;
const tokenOf = (name: string, seconds = 3_600) =>
  token({
    now: Date.now(),
    claims: {
      sub: `system:serviceaccount:shop:${name}`,
      exp: Math.floor(Date.now() / 1000) + seconds,
      'kubernetes.io': {},
    },
  });

let folder: string;
let running: RunningControlPlane;
let roots: string;
let envoy: InjectedEnvoy | undefined;
const storage = memoryStorage();
const warnings: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-proxy-identity-'));
  await mkdir(join(folder, 'objects'));
  await writeFile(join(folder, 'objects', 'pods.yaml'), [...OBJECTS, MACHINE].join(''));
  const keys = [{ ...issuerKeys.publicKey.export({ format: 'jwk' }), kid: 'one' }];
  running = await startControlPlane({
    registry: { kind: 'files', files: [join(folder, 'objects')] },
    http: '127.0.0.1:0',
    citadel: {
      storage,
      address: '127.0.0.1:0',
      reviewer: jwksTokenReviewer({ keys, issuer: ISSUER, audience: TOKEN_AUDIENCE }),
    },
    log: { info: () => {}, error: () => {}, warn: (fields) => void warnings.push(JSON.stringify(fields)) },
  });
  const { files } = (await storage.load())!;
  roots = Object.entries(files).find(([name]) => name.endsWith('root-cert.pem'))![1];
});

afterEach(async () => {
  await envoy?.stop();
  envoy = undefined;
});

afterAll(async () => {
  await running.stop();
  await rm(folder, { recursive: true });
});

async function startEnvoy(identity: ProxyIdentity, nodeId: string, directory: string, listeners: object[] = []) {
  const controlPlanePort = running.xdsTlsPort;
  envoy = await InjectedEnvoy.start({ identity, nodeId, directory, controlPlanePort, listeners });
}

async function clustersOf(nodeId: string): Promise<string | undefined> {
  const status = (await (await fetch(`http://127.0.0.1:${running.httpPort}/status`)).json()) as Status;
  return status.proxies.find(({ node }) => node.id === nodeId)?.types.clusters.state;
}

async function eventually(check: () => void | Promise<void>): Promise<void> {
  for (const end = Date.now() + 15_000; ; await sleep(25)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw new Error(`${(error as Error).message}\n${envoy?.log}\n${warnings.join('\n')}`);
    }
  }
}

/** A folder that holds a certificate of the account, from the certificate service, by which an Envoy proves itself. */
async function certificateOf(account: string): Promise<CredentialVolume & { readonly directory: string }> {
  const directory = await mkdtemp(join(folder, `volume-${account}-`));
  const volume = new CredentialVolume({
    directory,
    port: running.xdsTlsPort,
    serverName: CONTROL_PLANE_HOST,
    token: () => tokenOf(account),
  });
  await volume.start(roots);
  return Object.assign(volume, { directory });
}

test('a proxy with a podCertificate volume gets its configuration by the certificate in it', async () => {
  const volume = await certificateOf('edge');
  await startEnvoy('podCertificate', nodeOf('edge'), volume.directory);
  await eventually(async () => expect(await clustersOf(nodeOf('edge'))).toBe('synced'));
  await volume.stop();
});

describe('a machine with a certificate from the certificate service', () => {
  test('gets the configuration of its WorkloadEntry, and a key, certificate and roots for it over ADS', async () => {
    const volume = await certificateOf('machine');
    const port = await freePort();
    await startEnvoy('podCertificate', nodeOfMachine('machine'), volume.directory, [mutualListener(port)]);
    await eventually(async () => expect(await clustersOf(nodeOfMachine('machine'))).toBe('synced'));
    const authority = await CitadelAuthority.open({ storage, trustDomain: 'cluster.local' });
    const own = await clientOf(authority);
    await eventually(async () =>
      expect(await greeting(port, own)).toBe('URI:spiffe://cluster.local/ns/shop/sa/machine hello'),
    );
    expect(await greeting(port)).toBe('refused');
    await volume.stop();
  });

  test.each([
    ['a WorkloadEntry at another address', 'elsewhere', 'which is not the address of WorkloadEntry shop/elsewhere'],
    ['a Pod of another account', 'edge-1', 'claims Pod shop/edge-1, which runs as edge'],
  ])('gets nothing of %s', async (_what, name, reason) => {
    warnings.length = 0;
    const volume = await certificateOf('machine');
    await startEnvoy('podCertificate', nodeOfMachine(name), volume.directory);
    await eventually(() => expect(warnings.join()).toContain(reason));
    expect(await clustersOf(nodeOfMachine(name))).toBeUndefined();
    await volume.stop();
  });
});

describe('a proxy with a token', () => {
  const directoryOf = async (name: string, files: Partial<TokenFiles> = {}) => {
    const directory = await mkdtemp(join(folder, `token-${name}-`));
    await project(directory, { token: tokenOf(name), 'trust-bundle.pem': roots, ...files });
    return directory;
  };

  test('gets key, certificate and roots over ADS, and serves mutual TLS with them', async () => {
    const port = await freePort();
    await startEnvoy('sds', nodeOf('edge'), await directoryOf('edge'), [mutualListener(port)]);
    await eventually(async () => expect(await clustersOf(nodeOf('edge'))).toBe('synced'));
    const authority = await CitadelAuthority.open({ storage, trustDomain: 'cluster.local' });
    const own = await clientOf(authority);
    await eventually(async () =>
      expect(await greeting(port, own)).toBe('URI:spiffe://cluster.local/ns/shop/sa/edge hello'),
    );
    const stranger = await CitadelAuthority.open({ storage: memoryStorage(), trustDomain: 'cluster.local' });
    expect(await greeting(port, await clientOf(stranger))).toBe('refused');
    expect(await greeting(port)).toBe('refused');
  });

  test('is refused as somebody else', async () => {
    warnings.length = 0;
    await startEnvoy('sds', nodeOf('edge'), await directoryOf('other'));
    await eventually(() => expect(warnings.join()).toContain('/sa/other claims Pod shop/edge-1, which runs as edge'));
    expect(await clustersOf(nodeOf('edge'))).toBeUndefined();
  });

  test('shows the token that its kubelet has put in the place of the first, when that has ended', async () => {
    const token = tokenOf('edge', 3);
    const directory = await directoryOf('edge', { token });
    await startEnvoy('sds', nodeOf('edge'), directory);
    await eventually(async () => expect(await clustersOf(nodeOf('edge'))).toBe('synced'));
    await project(directory, { token: tokenOf('edge'), 'trust-bundle.pem': roots });
    // The stream ends with its token.
    await eventually(async () => expect(await clustersOf(nodeOf('edge'))).toBeUndefined());
    await eventually(async () => expect(await clustersOf(nodeOf('edge'))).toBe('synced'));
  });

  test('shows it to nobody who is not below the roots, and believes roots that are put in the place of others', async () => {
    warnings.length = 0;
    const stranger = await CitadelAuthority.open({ storage: memoryStorage(), trustDomain: 'cluster.local' });
    const directory = await directoryOf('edge', { 'trust-bundle.pem': stranger.trustBundle().join('') });
    await startEnvoy('sds', nodeOf('edge'), directory);
    await sleep(2_000);
    expect(await clustersOf(nodeOf('edge'))).toBeUndefined();
    await project(directory, { token: tokenOf('edge'), 'trust-bundle.pem': roots });
    await eventually(async () => expect(await clustersOf(nodeOf('edge'))).toBe('synced'));
  });
});

interface TokenFiles {
  readonly token: string;
  readonly 'trust-bundle.pem': string;
}

/** As a kubelet projects a volume: files are links by way of one link, which moves. */
async function project(directory: string, files: TokenFiles): Promise<void> {
  const version = await mkdtemp(join(directory, '..version-'));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(version, name), text);
    await symlink(join('..data', name), join(directory, name)).catch(unlessThere);
  }
  await symlink(version, join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

async function clientOf(signer: CitadelAuthority): Promise<{ key: string; cert: string }> {
  const { keyPem, csr } = await makeKeyPair();
  const identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };
  const { chain } = await signer.sign({ identity, csr, lifetimeSeconds: 60 });
  return { key: keyPem, cert: chain.join('') };
}

/** Whom the server is, and what it says. */
function greeting(port: number, own?: { key: string; cert: string }): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca: roots, checkServerIdentity: () => undefined, ...own });
    let name = '';
    socket.on('secureConnect', () => {
      name = (socket.getPeerCertificate() as PeerCertificate).subjectaltname ?? '';
    });
    socket.on('data', (text) => resolve(`${name} ${text}`));
    socket.on('error', () => resolve('refused'));
    socket.on('close', () => resolve('refused'));
  });
}

/** Says hello to whom the mesh knows; its secrets come over ADS, as those of translated listeners do. */
function mutualListener(port: number): object {
  const ads = { ads: {}, resource_api_version: 'V3' };
  const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
  const response = 'type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config';
  return {
    name: 'mutual',
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [{ name: 'hello', typed_config: { '@type': response, response: { inline_string: 'hello' } } }],
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': tls,
            require_client_certificate: true,
            common_tls_context: {
              tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: ads }],
              validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: ads },
            },
          },
        },
      },
    ],
  };
}
