/**
 * The control plane as a program: a registry is watched, Galley and the World take their objects in, proxies get what
 * follows from them over ADS, and an HTTP server tells how it goes. Wiring only; the parts are in lib/.
 */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { MALHA_VERSION } from '../../lib/injector/images';
import { accessLogService } from '../../lib/mixer/access-log-service';
import { ObservedCalls } from '../../lib/mixer/observed-calls';
import type { WorldOptions } from '../../lib/world';
import { MeshSource } from '../../lib/xds/mesh-source';
import { scrapeTargets } from '../../lib/xds/scrape-targets';
import { XdsServer } from '../../lib/xds/server';
import type { Logger } from '../../lib/xds/source';
import { consolePage } from '../console/page';
import { parseAddress } from './address';
import { json, type Pages, serveHttp, text } from './http';
import { createMetrics } from './metrics';
import { openRegistry, type RegistryOptions } from './registry';
import { statusOf } from './status';

export interface ControlPlaneOptions extends WorldOptions {
  /** Where the objects come from. */
  readonly registry: RegistryOptions;
  /** Where proxies connect: `HOST:PORT`; port 0 takes any. */
  readonly xds: string;
  /** Where health, metrics and status are: `HOST:PORT`; port 0 takes any. */
  readonly http: string;
  readonly log: Logger;
  /** Ends a start that still waits for its registry. */
  readonly signal?: AbortSignal;
}

export interface RunningControlPlane {
  /** The ports that it listens on. */
  readonly xdsPort: number;
  readonly httpPort: number;
  /** Says that it is not ready any more, ends the streams and stops listening. */
  stop(): Promise<void>;
}

/**
 * Resolves when it serves: the first World is made and both ports are open. Rejects with an error that says what to do
 * when a port is taken or the registry is not to be found. Waits for an API server that does not answer yet.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<RunningControlPlane> {
  const { log } = options;
  parseAddress(options.xds);
  parseAddress(options.http);
  // What gRPC has to say comes back to us as errors and goes into our log.
  setLogVerbosity(logVerbosity.NONE);

  const registry = await openRegistry(options.registry, log);
  const source = new MeshSource({
    log,
    complete: registry.complete,
    meshConfig: options.meshConfig,
    rootNamespace: options.rootNamespace ?? registry.rootNamespace,
  });
  const calls = new ObservedCalls();
  const metrics = createMetrics(source, calls, MALHA_VERSION);
  const accessLogs = accessLogService(calls, {
    received: (entries) => metrics.countLogEntries(entries),
    refused: (error) => log.warn({ error: error.message }, 'access logs cannot be read'),
  });
  const xds = new XdsServer(source, { log, observer: metrics.observer, services: [accessLogs] });

  let isReady = false;
  const pages: Pages = {
    '/': () => ({ type: 'text/html; charset=utf-8', body: consolePage() }),
    '/healthz': () => text('ok\n'),
    '/readyz': () => (isReady ? text('ready\n') : text('not ready\n', 503)),
    '/metrics': async () => ({ type: metrics.contentType, body: await metrics.text() }),
    '/status': () => json(statusOf(MALHA_VERSION, source, xds, calls)),
    '/sd/targets': () => json(scrapeTargets(xds.proxies(), (node) => source.labelsOf(node))),
  };
  const http = await serveHttp(options.http, pages, (error) => log.error({ error: error.message }, 'HTTP error'));
  const stop = async () => {
    isReady = false;
    await registry.close();
    await xds.close();
    await http.close();
  };
  try {
    // The World comes first, so that nobody who connects has to wait for it.
    options.signal?.addEventListener('abort', () => void registry.close());
    await registry.watch((objects, findings) => {
      source.update(objects, findings);
      metrics.countObjects(objects);
    });
    if (source.configuration.state === 'waiting') options.signal?.throwIfAborted();
    const xdsPort = await xds.listen(options.xds);
    isReady = true;
    const { objects, state } = source.configuration;
    log.info({ xds: xdsPort, http: http.port, objects, configuration: state }, 'control plane is ready');
    return {
      xdsPort,
      httpPort: http.port,
      stop: async () => {
        log.info({}, 'control plane stops');
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
