/** What a core decides about global rate limits through gRPC, as proxies ask: the server alone is measured, its client is another process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { encode } from '../../../lib/envoy/message';
import { MemoryStore } from '../../../lib/mixer/rate-limit/memory-store';
import { rateLimitService } from '../../../lib/mixer/rate-limit/rate-limit-service';
import { World } from '../../../lib/world';
import { type Measurement, measured, median } from '../measurement';

const ROUNDS = 5;
const QUESTIONS = 40_000;
const CONCURRENCY = 100;
const USERS = 500;

/** The limit that is asked about, on the wire and without it. */
export const rateLimit = {
  apiVersion: 'malha.dev/v1alpha1',
  kind: 'RateLimit',
  metadata: { name: 'api', namespace: 'shop' },
  spec: {
    mode: 'global',
    onUnavailable: 'deny',
    rules: [{ key: { by: 'header', header: 'x-user' }, limit: { requests: 10, per: 'minute' } }],
  },
};

export async function throughGrpc(say: (line: string) => void): Promise<Measurement[]> {
  const world = World.of([rateLimit]);
  const store = new MemoryStore();
  const { definition, implementation } = rateLimitService({ store, world: () => world });
  const server = new Server();
  server.addService(definition, implementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const questions = Array.from({ length: USERS }, (_, user) => {
    const entries = [
      { key: 'rule', value: 'shop/api/0' },
      { key: 'value', value: `user-${user}` },
    ];
    const message = { domain: 'malha.dev', descriptors: [{ entries }] };
    return Buffer.from(encode('envoy.service.ratelimit.v3.RateLimitRequest', message)).toString('base64');
  });
  const rates: number[] = [];
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      const before = process.cpuUsage();
      await ask(port, questions);
      const { user, system } = process.cpuUsage(before);
      const rate = QUESTIONS / ((user + system) / 1e6);
      say(`round ${round} of ${ROUNDS}: ${Math.round(rate)} decisions per second and core`);
      // The first round is for warming up.
      if (round > 0) rates.push(rate);
    }
  } finally {
    server.forceShutdown();
    await store.close();
  }
  return [
    measured('limit', 'CPU of one decision through gRPC', 1000 / median(rates), 'ms', 0.1),
    measured('limit', 'decisions per second and core through gRPC', median(rates), '1/s'),
  ];
}

async function ask(port: number, questions: readonly string[]): Promise<void> {
  const args = [require.resolve('@grpc/grpc-js'), String(port), String(QUESTIONS), String(CONCURRENCY)];
  const child = spawn(process.execPath, ['-e', CLIENT, ...args], { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin!.end(JSON.stringify(questions));
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the client failed with exit code ${code}`);
}

const CLIENT = `
const [library, port, total, concurrency] = process.argv.slice(1);
const { Client, credentials } = require(library);
const questions = JSON.parse(require('node:fs').readFileSync(0, 'utf8')).map((text) => Buffer.from(text, 'base64'));
const client = new Client('127.0.0.1:' + port, credentials.createInsecure());
const bytes = (value) => value;
let asked = 0, working = Number(concurrency);
const next = () => {
  if (asked >= Number(total)) return --working === 0 && client.close();
  const question = questions[asked++ % questions.length];
  client.makeUnaryRequest('/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit', bytes, bytes, question, (error) => {
    if (error) throw error;
    next();
  });
};
for (let i = 0; i < Number(concurrency); i++) next();
`;
