/**
 * The control plane as a program: files are watched, Galley and the World take their objects in, proxies get what
 * follows from them over ADS, and an HTTP server tells how it goes. Wiring only; the parts are in lib/.
 */
import { existsSync } from 'node:fs';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { type FileWatch, watchFiles } from '../../lib/discovery/files';
import { MALHA_VERSION } from '../../lib/injector/images';
import { accessLogService } from '../../lib/mixer/access-log-service';
import { ObservedCalls } from '../../lib/mixer/observed-calls';
import { type AddressRanges, complete, type WorldOptions } from '../../lib/world';
import { MeshSource } from '../../lib/xds/mesh-source';
import { scrapeTargets } from '../../lib/xds/scrape-targets';
import { XdsServer } from '../../lib/xds/server';
import type { Logger } from '../../lib/xds/source';
import { consolePage } from '../console/page';
import { parseAddress } from './address';
import { json, type Pages, serveHttp, text } from './http';
import { createMetrics } from './metrics';
import { statusOf } from './status';

export interface ControlPlaneOptions extends WorldOptions {
  /** Files and folders that hold the objects; they are watched. */
  readonly files: readonly string[];
  /** Where proxies connect: `HOST:PORT`; port 0 takes any. */
  readonly xds: string;
  /** Where health, metrics and status are: `HOST:PORT`; port 0 takes any. */
  readonly http: string;
  /** From where addresses are taken that the files do not give. */
  readonly ranges?: AddressRanges;
  readonly log: Logger;
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
 * when a port is taken or there is nothing at a path of `files`.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<RunningControlPlane> {
  const { log } = options;
  for (const path of options.files) {
    if (!existsSync(path))
      throw new Error(`there is no file or folder '${path}'; name one that holds the mesh's objects`);
  }
  parseAddress(options.xds);
  parseAddress(options.http);
  // What gRPC has to say comes back to us as errors and goes into our log.
  setLogVerbosity(logVerbosity.NONE);

  const source = new MeshSource({
    log,
    complete: (objects) => complete(objects, options.ranges),
    meshConfig: options.meshConfig,
    rootNamespace: options.rootNamespace,
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
  let watch: FileWatch | undefined;
  const stop = async () => {
    isReady = false;
    await watch?.close();
    await xds.close();
    await http.close();
  };
  try {
    // The World comes first, so that nobody who connects has to wait for it.
    watch = await watchFiles(options.files, ({ objects, findings }) => source.update(objects, findings));
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
