/**
 * What mutual TLS adds to a request between two sidecars: one client asks two services in turn, of which one takes mutual TLS alone
 * and the other plaintext alone, through real Envoys. Each pair is asked back to back, so that whatever else the machine does hits
 * both alike. The server says whether its caller has proven who it is, so that no number is of the wrong kind.
 */
import type { KubeObject } from '../../../lib/api/object';
import { type RunningMesh, up } from '../../../lib/local';
import { ManifestFolder, namespace, service } from '../../envoy/manifests';
import { type Measurement, measured, type Part, percentile } from '../measurement';

const WARM_UP = 500;
const ROUNDS = 5;
const PAIRS = 2_000;
const BYTES = 1_024;

export const mtls: Part = {
  name: 'mtls',
  about: 'latency that mutual TLS adds to a request of 1 kB between two sidecars',
  async run(say) {
    const folder = new ManifestFolder({
      'services.yaml': [
        namespace('shop'),
        ...service('secure', ['v1'], { 'malha.dev/run': SERVER }),
        ...service('plain', ['v1'], { 'malha.dev/run': SERVER }),
        ...service('client', ['v1']),
        takes('secure', 'STRICT'),
        takes('plain', 'DISABLE'),
      ],
    });
    let mesh: RunningMesh | undefined;
    try {
      say('starting a mesh of three sidecars');
      mesh = await up({ dir: folder.path, port: 0 });
      await ask(mesh, WARM_UP);
      const rounds: Pairs[] = [];
      for (let round = 1; round <= ROUNDS; round++) {
        rounds.push(await ask(mesh, PAIRS));
        say(`round ${round} of ${ROUNDS}`);
      }
      const added = (share: number) =>
        rounds.map(({ plain, secure }) => (percentile(secure, share) - percentile(plain, share)) * 1000);
      const all = (share: number): Measurement[] => {
        const differences = added(share);
        const name = `added at p${share * 100}`;
        return [
          measured('mtls', name, percentile(differences, 0.5), 'µs'),
          measured('mtls', `${name}, least of ${ROUNDS} rounds`, Math.min(...differences), 'µs'),
          measured('mtls', `${name}, most of ${ROUNDS} rounds`, Math.max(...differences), 'µs'),
        ];
      };
      const plain = percentile(
        rounds.flatMap((round) => round.plain),
        0.5,
      );
      return [measured('mtls', 'plaintext, p50', plain * 1000, 'µs'), ...all(0.5), ...all(0.99)];
    } finally {
      await mesh?.stop();
      folder.remove();
    }
  },
};

const takes = (app: string, mode: string): KubeObject => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: app, namespace: 'shop' },
  spec: { selector: { matchLabels: { app } }, mtls: { mode } },
});

/** Says in a header whether the caller has shown a certificate. */
const SERVER =
  `node -e "const body = 'x'.repeat(${BYTES}); require('node:http').createServer((q, r) => { q.resume(); ` +
  `r.setHeader('x-proven', String('x-forwarded-client-cert' in q.headers)); r.end(body); }).listen(8080, process.env.APP_ADDRESS)"`;

/** Milliseconds of each request. */
interface Pairs {
  readonly plain: number[];
  readonly secure: number[];
}

async function ask(mesh: RunningMesh, pairs: number): Promise<Pairs> {
  const { code, stdout, stderr } = await mesh.exec(
    'client-v1.shop',
    [process.execPath, '-e', CLIENT, String(pairs)],
    120_000,
  );
  if (code !== 0) throw new Error(`the client failed: ${stderr}`);
  return JSON.parse(stdout) as Pairs;
}

const CLIENT = `
const http = require('node:http');
const proxy = process.env.HTTP_PROXY && new URL(process.env.HTTP_PROXY);
const agents = { plain: new http.Agent({ keepAlive: true, maxSockets: 1 }), secure: new http.Agent({ keepAlive: true, maxSockets: 1 }) };
const ask = (name) => new Promise((resolve, reject) => {
  const target = proxy ? { host: proxy.hostname, port: proxy.port, path: 'http://' + name + '/' } : { host: name, path: '/' };
  const start = performance.now();
  http.get({ ...target, agent: agents[name], headers: { host: name } }, (response) => {
    const isProven = response.headers['x-proven'] === 'true';
    if (response.statusCode !== 200 || isProven !== (name === 'secure')) {
      reject(new Error(name + ' answered ' + response.statusCode + ', proven: ' + isProven));
    }
    response.resume().on('end', () => resolve(performance.now() - start));
  }).on('error', reject);
});
(async () => {
  const times = { plain: [], secure: [] };
  for (let pair = 0; pair < Number(process.argv[1]); pair++) {
    const order = pair % 2 ? ['plain', 'secure'] : ['secure', 'plain'];
    for (const name of order) times[name].push(await ask(name));
  }
  for (const agent of Object.values(agents)) agent.destroy();
  process.stdout.write(JSON.stringify(times));
})().catch((error) => { process.stderr.write(error.message); process.exitCode = 1; });
`;
