/**
 * The read-only second source of configuration: reads what the control plane reads, gives proxies what that would give them, and
 * does nothing else. It has no authority, writes nothing, holds no Lease, answers no webhook; its own certificate is a workload's.
 * Whoever is here is sent back when a control plane is ready again: Envoy stays where it is until its stream ends. Wiring only.
 */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { callerBy } from '../../lib/citadel/caller';
import { MountedIdentity } from '../../lib/citadel/mounted-identity';
import { SecurePort } from '../../lib/citadel/secure-port';
import { OpenIdIssuers } from '../../lib/discovery/openid';
import { MALHA_VERSION } from '../../lib/injector/images';
import { ObservedCalls } from '../../lib/mixer/observed-calls';
import { DEFAULT_TRUST_DOMAIN } from '../../lib/pilot/authorization/trust-domains';
import { type Plugin, patchesOf } from '../../lib/plugin';
import { MeshSource } from '../../lib/xds/mesh-source';
import { XdsServer } from '../../lib/xds/server';
import type { Logger } from '../../lib/xds/source';
import { parseAddress } from './address';
import { localVisitor, type Pages, serveHttp, text } from './http';
import { createMetrics } from './metrics';
import { type KubernetesOptions, openRegistry } from './registry';
import { readyReplicas } from './replica-addresses';
import { pulledImages } from './wasm-images';

export interface StandbyOptions {
  readonly registry: KubernetesOptions;
  /** Where proxies connect by TLS: `HOST:PORT`. */
  readonly xdsTls: string;
  /** Where health and metrics are: `HOST:PORT`. */
  readonly http: string;
  /** The folder of its podCertificate volume. */
  readonly identity: string;
  /** Those of the control plane, so that proxies get the same. Default: none. */
  readonly plugins?: readonly Plugin[];
  readonly log: Logger;
  /** Ends a start that still waits for its registry. */
  readonly signal?: AbortSignal;
  /** How often it is asked whether a control plane is ready, in milliseconds. Default: 10,000. */
  readonly lookMs?: number;
}

export interface RunningStandby {
  readonly xdsTlsPort: number;
  readonly httpPort: number;
  stop(): Promise<void>;
}

const LOOK_MS = 10_000;

/** Resolves when it serves. Waits for an API server that does not answer yet. @throws when a port or the certificate cannot be used. */
export async function startStandby(options: StandbyOptions): Promise<RunningStandby> {
  const { log, signal } = options;
  const { host, port } = parseAddress(options.xdsTls);
  setLogVerbosity(logVerbosity.NONE);
  const registry = await openRegistry(options.registry, log);
  const namespace = registry.rootNamespace!;
  let latest: Parameters<MeshSource['update']> = [[]];
  const issuers = new OpenIdIssuers({
    onChange: () => source.update(...latest),
    onTrouble: (issuer, error) => log.warn({ issuer, error }, 'the keys of an issuer cannot be found'),
  });
  const images = pulledImages({ update: () => source.update(...latest), metrics: () => metrics, log });
  const source = new MeshSource({
    log,
    ...images.forSource,
    patches: patchesOf(options.plugins ?? []),
    complete: (objects) => issuers.complete(objects),
    rootNamespace: namespace,
  });
  const metrics = createMetrics(source, new ObservedCalls(), MALHA_VERSION);
  let isReady = false;
  const pages: Pages = {
    '/healthz': { access: 'open', answer: () => text('ok\n') },
    '/readyz': { access: 'open', answer: () => (isReady ? text('ready\n') : text('not ready\n', 503)) },
    '/metrics': { access: 'open', answer: async () => ({ type: metrics.contentType, body: await metrics.text() }) },
  };
  const http = await serveHttp(options.http, pages, localVisitor, (error) =>
    log.error({ error: error.message }, 'HTTP error'),
  );
  const closing: (() => unknown)[] = [
    () => http.close(),
    () => issuers.close(),
    () => images.close(),
    () => registry.close(),
  ];
  const stop = async () => {
    isReady = false;
    for (const close of closing.reverse()) await close();
  };
  try {
    signal?.addEventListener('abort', () => void registry.close());
    await registry.watch((objects, findings) => {
      latest = [objects, findings];
      source.update(...latest);
      metrics.countObjects(objects);
    });
    if (source.configuration.state === 'waiting') signal?.throwIfAborted();
    const trustDomain = source.world?.meshConfig().trustDomain || DEFAULT_TRUST_DOMAIN;
    const mounted = new MountedIdentity(
      options.identity,
      () => secure.refresh(),
      (error) => log.warn({ error: error.message }, 'a new certificate cannot be used; the last one stays in use'),
    );
    const authenticate = callerBy({ trustDomain, pods: source });
    const xds = new XdsServer(source, { log, observer: metrics.observer, authenticate });
    const secure = new SecurePort({
      identity: () => mounted.identity(),
      trustDomain,
      clock: () => new Date(),
      log,
      accept: { h2: (socket) => xds.accept(socket) },
    });
    const look = setInterval(() => {
      const isWatched =
        source.world !== undefined && readyReplicas(source.world, namespace, options.registry.revision).length > 0;
      const proxies = xds.proxies().length;
      if (!isWatched || proxies === 0) return;
      log.info({ proxies }, 'a control plane is ready: proxies are sent back to it');
      xds.endStreams();
    }, options.lookMs ?? LOOK_MS);
    closing.push(
      () => mounted.close(),
      () => xds.close(),
      () => secure.close(),
      () => clearInterval(look),
    );
    const xdsTlsPort = await secure.listen({ host, port });
    isReady = true;
    const { objects, state } = source.configuration;
    log.info({ xdsTls: xdsTlsPort, http: http.port, objects, configuration: state }, 'standby is ready');
    return {
      xdsTlsPort,
      httpPort: http.port,
      stop: async () => {
        log.info({}, 'standby stops');
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
