/**
 * Reviews of the admission webhooks at 500 a second, over HTTPS as an API server asks: Pods to be injected and VirtualServices to be
 * judged, in turn. The caller is a process of its own, and keeps to its pace however long answers take.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { AdmissionServer, injectionVerdict, validationVerdict } from '../../../lib/admission';
import { developmentCertificate } from '../../../lib/citadel/development-certificate';
import { measured, median, type Part, percentile } from '../measurement';

const PER_SECOND = 500;
const SECONDS = 20;
const WARM_UP_SECONDS = 3;
const GOAL_MILLISECONDS = 5;

interface Task {
  readonly port: number;
  readonly ca: string;
}

export const admission: Part = {
  name: 'admission',
  about: 'reviews of Pods and VirtualServices at 500 a second, from the question to the answer',
  async run(say) {
    const { certPem, keyPem, caPem } = await developmentCertificate(['localhost']);
    const server = await AdmissionServer.listen({
      host: '127.0.0.1',
      port: 0,
      certificate: { cert: certPem, key: keyPem },
      verdicts: {
        '/inject': (review) => injectionVerdict(review, { injection: {}, systemNamespace: 'malha-system' }),
        '/validate': validationVerdict,
      },
    });
    try {
      say(`asking ${PER_SECOND} times a second for ${SECONDS} s`);
      const caller = fork(__filename);
      caller.send({ port: server.port, ca: caPem } satisfies Task);
      const before = process.cpuUsage();
      const [times] = (await once(caller, 'message')) as [number[]];
      const { user, system } = process.cpuUsage(before);
      const expected = PER_SECOND * SECONDS;
      return [
        measured('admission', 'reviews', times.length, 'reviews'),
        measured('admission', 'reviews without an answer of 200', expected - times.length, 'reviews', 0),
        measured(
          'admission',
          'CPU of a review, HTTPS included',
          (user + system) / 1000 / (PER_SECOND * (WARM_UP_SECONDS + SECONDS)),
          'ms',
        ),
        measured('admission', 'review to answer, p50', median(times), 'ms'),
        measured('admission', 'review to answer, p99', percentile(times, 0.99), 'ms', GOAL_MILLISECONDS),
      ];
    } finally {
      await server.close();
    }
  },
};

const review = (object: object) =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: '7c6b1f1e-5e5b-4f0a-8d6e-1c6f2d1b3a4f', operation: 'CREATE', namespace: 'shop', object },
  });

const QUESTIONS: readonly (readonly [path: string, body: string])[] = [
  [
    '/inject?timeout=10s',
    review({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', labels: { app: 'web', version: 'v1' } },
      spec: {
        serviceAccountName: 'web',
        containers: [
          {
            name: 'app',
            image: 'shop/web:1',
            ports: [{ containerPort: 8080 }],
            env: Array.from({ length: 30 }, (_, i) => ({ name: `OPTION_${i}`, value: 'x'.repeat(40) })),
            readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
          },
        ],
      },
    }),
  ],
  [
    '/validate?timeout=10s',
    review({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        hosts: ['web'],
        http: Array.from({ length: 20 }, (_, i) => ({
          match: [{ uri: { prefix: `/api/${i}` }, headers: { 'x-user': { regex: `[a-z]+-${i}` } } }],
          route: [
            { destination: { host: 'web', subset: 'v1' }, weight: 90 },
            { destination: { host: 'web', subset: 'v2' }, weight: 10 },
          ],
        })),
      },
    }),
  ],
];

/** In the caller's process. */
async function ask({ port, ca }: Task): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const times: number[] = [];
  const one = (n: number, isMeasured: boolean) =>
    new Promise<void>((resolve) => {
      const [path, body] = QUESTIONS[n % QUESTIONS.length]!;
      const started = performance.now();
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const options = { host: '127.0.0.1', servername: 'localhost', port, path, method: 'POST', ca, agent, headers };
      const asking = request(options, (response) => {
        response.resume();
        response.on('end', () => {
          if (isMeasured && response.statusCode === 200) times.push(performance.now() - started);
          resolve();
        });
      });
      asking.on('error', () => resolve());
      asking.end(body);
    });
  const under: Promise<void>[] = [];
  const start = performance.now();
  const total = PER_SECOND * (WARM_UP_SECONDS + SECONDS);
  for (let n = 0; n < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * PER_SECOND));
    for (; n < due; n++) under.push(one(n, n >= PER_SECOND * WARM_UP_SECONDS));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(under);
  agent.destroy();
  return times;
}

if (require.main === module) {
  process.once('message', (task: Task) => {
    void ask(task).then((times) => process.send!(times, () => process.disconnect()));
  });
}
