/**
 * What telemetry costs a sidecar: CPU of the two Envoys between a client and a server for each request, without
 * metrics, with them, and with JSON logs and traces of 1 % beside. One mesh; the three are alternated, so that what else
 * the machine does is shared among them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../../lib/api/object';
import { type RunningMesh, up } from '../../../lib/local';
import { ManifestFolder, namespace, service } from '../../envoy/manifests';
import { measured, median, type Part } from '../measurement';

const ROUNDS = 7;
const REQUESTS = 6_000;
const BYTES = 1_024;
const TICKS_PER_SECOND = 100;

const VARIANTS = ['none', 'metrics', 'everything'] as const;
type Variant = (typeof VARIANTS)[number];

export const telemetry: Part = {
  name: 'telemetry',
  about:
    'CPU of a sidecar for a request of 1 kB over mutual TLS: metrics, and metrics with logs and traces, against none',
  async run(say) {
    const folder = new ManifestFolder({
      'services.yaml': [
        namespace('shop'),
        ...service('web', ['v1'], { 'malha.dev/run': SERVER }),
        ...service('client', ['v1']),
        ...service('sink', ['v1']),
      ],
      'mesh.yaml': configuration('none'),
    });
    let mesh: RunningMesh | undefined;
    try {
      say('starting a mesh of two sidecars');
      mesh = await up({ dir: folder.path, port: 0 });
      const costs: Record<Variant, number[]> = { none: [], metrics: [], everything: [] };
      for (let round = 0; round <= ROUNDS; round++) {
        for (const variant of VARIANTS) {
          folder.write('mesh.yaml', configuration(variant));
          await sleep(1_500);
          await load(mesh, REQUESTS / 4);
          const before = cpuSeconds();
          await load(mesh, REQUESTS);
          const cost = ((cpuSeconds() - before) / REQUESTS) * 1e6;
          // The first round is for warming up.
          if (round > 0) costs[variant].push(cost);
        }
        if (round === 0) await checkMutualTls(mesh);
        say(`round ${round} of ${ROUNDS}`);
      }
      const ratios = (variant: Variant) => costs[variant].map((cost, round) => cost / costs.none[round]!);
      return [
        measured('telemetry', 'CPU of both sidecars for a request, no metrics', median(costs.none), 'µs'),
        measured('telemetry', 'with metrics, against none', median(ratios('metrics')), '×', 1.15),
        measured(
          'telemetry',
          'with metrics, JSON log and 1 % traces, against none',
          median(ratios('everything')),
          '×',
          1.3,
        ),
      ];
    } finally {
      await mesh?.stop();
      folder.remove();
    }
  },
};

/** @throws when what was measured is not what is said to be measured. */
async function checkMutualTls(mesh: RunningMesh): Promise<void> {
  const { host, port } = await mesh.address('web-v1.shop', 15090);
  const page = await (await fetch(`http://${host}:${port}/stats/prometheus`)).text();
  const requests = page.split('\n').filter((line) => line.startsWith('istio_requests_total{'));
  if (requests.length === 0 || !requests.every((line) => line.includes('connection_security_policy="mutual_tls"'))) {
    throw new Error(`not all requests came over mutual TLS:\n${requests.join('\n')}`);
  }
}

/** The mesh configuration of a variant: what is counted, logged and traced. */
function configuration(variant: Variant): KubeObject[] {
  const providers = [
    { name: 'lines', envoyFileAccessLog: { path: '/dev/null', logFormat: { labels: LINE } } },
    {
      name: 'traces',
      opentelemetry: { service: 'sink.shop.svc.cluster.local', port: 80, http: { path: '/v1/traces' } },
    },
  ];
  const all = variant === 'everything';
  const mesh = {
    extensionProviders: providers,
    defaultConfig: { tracing: { sampling: 1 } },
    defaultProviders: {
      metrics: variant === 'none' ? [] : ['prometheus'],
      accessLogging: all ? ['lines'] : [],
      tracing: all ? ['traces'] : [],
    },
  };
  const metadata = { name: 'istio', namespace: 'istio-system' };
  return [{ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mesh: JSON.stringify(mesh) } }];
}

const LINE = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(:PATH)%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  duration: '%DURATION%',
  authority: '%REQ(:AUTHORITY)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
};

const SERVER =
  `node -e "const body = 'x'.repeat(${BYTES}); ` +
  `require('node:http').createServer((q, r) => { q.resume(); r.end(body); }).listen(8080, process.env.APP_ADDRESS)"`;

/** Requests over eight kept connections. */
async function load(mesh: RunningMesh, requests: number): Promise<void> {
  const { code, stderr } = await mesh.exec(
    'client-v1.shop',
    [process.execPath, '-e', CLIENT, String(requests)],
    120_000,
  );
  if (code !== 0) throw new Error(`the client failed: ${stderr}`);
}

const CLIENT = `
const http = require('node:http');
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
const proxy = process.env.HTTP_PROXY && new URL(process.env.HTTP_PROXY);
const target = proxy ? { host: proxy.hostname, port: proxy.port, path: 'http://web/' } : { host: 'web', path: '/' };
let left = Number(process.argv[1]);
let working = 8;
const next = () => {
  if (left-- <= 0) return --working === 0 && agent.destroy();
  http.get({ ...target, agent, headers: { host: 'web' } }, (response) => {
    if (response.statusCode !== 200) throw new Error('answered ' + response.statusCode);
    response.resume().on('end', next);
  }).on('error', (error) => { throw error; });
};
for (let i = 0; i < 8; i++) next();
`;

/** Of all Envoys of this process's mesh beside the client and the server. */
function cpuSeconds(): number {
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (parent !== String(process.pid) || !/\0sidecar~[^~]*~(web|client)-v1\./.test(command)) continue;
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It ended while we looked.
    }
  }
  return ticks / TICKS_PER_SECOND;
}
