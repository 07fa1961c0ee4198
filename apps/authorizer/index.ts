/**
 * The authorizer as a program: a gRPC server that proxies ask, and an HTTP server for health and metrics. It knows no mesh: what
 * it decides by is what the proxy tells of a request. Wiring only.
 */
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import {
  AUTHORIZATION_OUTCOMES,
  type AuthorizationOutcome,
  authorizationService,
} from '../../lib/mixer/authorization/authorization-service';
import { checksOf, type Plugin } from '../../lib/plugin';
import type { Logger } from '../../lib/xds/source';
import { parseAddress } from '../control-plane/address';
import { localVisitor, type Pages, serveHttp, text } from '../control-plane/http';

export interface AuthorizerOptions {
  /** Their checks are asked in this order. */
  readonly plugins: readonly Plugin[];
  /** Where proxies ask: `HOST:PORT`; port 0 takes any. In plaintext: the sidecar beside it speaks TLS. */
  readonly grpc: string;
  /** Where health and metrics are. */
  readonly http: string;
  /** For all checks of a request. Default: 250. */
  readonly milliseconds?: number;
  readonly log: Logger;
}

export interface RunningAuthorizer {
  readonly grpcPort: number;
  readonly httpPort: number;
  stop(): Promise<void>;
}

/** A request with all its headers; Envoy takes 60 kB of them by default. */
const LARGEST_QUESTION = 256 * 1024;
/** Each reason is told once in a while: whoever is refused comes back. */
const MOST_TOLD = 100;

export async function startAuthorizer(options: AuthorizerOptions): Promise<RunningAuthorizer> {
  const { plugins, log, milliseconds } = options;
  const checks = checksOf(plugins);
  if (checks.length === 0) throw new Error('none of the plugins has checks; there is nothing to decide by');
  setLogVerbosity(logVerbosity.NONE);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const decisions = new Counter({
    name: 'malha_authorization_decisions',
    help: 'Requests that proxies have asked about, by what became of them and by the check that decided.',
    labelNames: ['outcome', 'check'],
    registers: [registry],
  });
  for (const outcome of AUTHORIZATION_OUTCOMES) decisions.inc({ outcome, check: '' }, 0);
  const told = new Set<string>();
  const onDecision = (outcome: AuthorizationOutcome, by = '', reason = '') => {
    decisions.inc({ outcome, check: by });
    if (outcome === 'allowed' || outcome === 'denied') return;
    const line = `${outcome} ${by} ${reason}`;
    if (told.has(line) || told.size >= MOST_TOLD) return;
    told.add(line);
    log.warn({ outcome, check: by, reason }, 'a request was refused for want of a decision');
  };
  const server = new Server({ 'grpc.max_receive_message_length': LARGEST_QUESTION });
  const { definition, implementation } = authorizationService({ checks, milliseconds, onDecision });
  server.addService(definition, implementation);
  const grpcPort = await listen(server, options.grpc);
  let isReady = true;
  const pages: Pages = {
    '/healthz': { access: 'open', answer: () => text('ok\n') },
    '/readyz': { access: 'open', answer: () => (isReady ? text('ready\n') : text('not ready\n', 503)) },
    '/metrics': {
      access: 'open',
      answer: async () => ({ type: registry.contentType, body: await registry.metrics() }),
    },
  };
  const onHttpError = (error: Error) => log.error({ error: error.message }, 'HTTP error');
  const http = await serveHttp(options.http, pages, localVisitor, onHttpError).catch((error: unknown) => {
    server.forceShutdown();
    throw error;
  });
  log.info({ grpc: grpcPort, http: http.port, checks: checks.map(({ name }) => name) }, 'authorizer is ready');
  return {
    grpcPort,
    httpPort: http.port,
    async stop() {
      isReady = false;
      log.info({}, 'authorizer stops');
      await drained(server);
      await http.close();
    },
  };
}

function listen(server: Server, address: string): Promise<number> {
  const { host, port } = parseAddress(address);
  const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(new Error(`cannot serve gRPC on ${address}: ${error.message}`)) : resolve(bound),
    );
  });
}

const DRAIN_MILLISECONDS = 5_000;

function drained(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), DRAIN_MILLISECONDS);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
