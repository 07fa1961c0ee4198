/**
 * The control plane as a program: a registry is watched, Galley and the World take their objects in, proxies get what
 * follows from them over ADS, and an HTTP server tells how it goes. Wiring only; the parts are in lib/.
 */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { controlPlaneHost, DEFAULT_REVISION } from '../../lib/api/revisions';
import type { CallerOf } from '../../lib/citadel/caller';
import { LEAF_SECONDS } from '../../lib/citadel/renewal';
import type { RegistryOptions as ImageRegistryOptions } from '../../lib/discovery/oci';
import { OpenIdIssuers } from '../../lib/discovery/openid';
import { type GatewayWorkloadOptions, standbyIn } from '../../lib/injector';
import { MALHA_VERSION } from '../../lib/injector/images';
import { accessLogService } from '../../lib/mixer/access-log-service';
import { LogBudget } from '../../lib/mixer/log-budget';
import { ObservedCalls } from '../../lib/mixer/observed-calls';
import { RecentRequests } from '../../lib/mixer/recent-requests';
import { type Plugin, patchesOf, rulesOf } from '../../lib/plugin';
import type { WorldOptions } from '../../lib/world';
import { MeshSource } from '../../lib/xds/mesh-source';
import { scrapeTargets } from '../../lib/xds/scrape-targets';
import { XdsServer } from '../../lib/xds/server';
import type { Logger } from '../../lib/xds/source';
import { consoleAssets, SECURITY_HEADERS } from '../console/assets';
import { type Access, listenSecurely, openAccess } from './access';
import { isLoopback, parseAddress } from './address';
import type { CitadelOptions } from './citadel';
import { type ConsulRegistryOptions, withConsul } from './consul-registry';
import { startControllers } from './controllers';
import { graphOf } from './graph';
import { json, localVisitor, type Pages, serveHttp, text } from './http';
import { joinCluster, type Membership, type MembershipOptions } from './membership';
import { createMetrics } from './metrics';
import { configurationAnswer, configurationTopic, mayAskFor } from './proxy-configuration';
import { openRateLimits, type RateLimitRedis } from './rate-limits';
import { openRegistry, type RegistryOptions } from './registry';
import { newReplicaId, Replicas } from './replicas';
import { readStatus, statusOf, statusOfAll, withinNamespaceOf } from './status';
import { tapOf, tapTopic } from './tap';
import { toldOnce } from './told-once';
import { pulledImages } from './wasm-images';
import { serveWebhooks, type Webhooks, type WebhooksOptions } from './webhooks';

const DEFAULT_NAMESPACE = 'malha-system';

export interface ControlPlaneOptions extends WorldOptions {
  /** Where the objects come from. */
  readonly registry: RegistryOptions;
  /** Services of Consul beside them. Default: none. */
  readonly consul?: ConsulRegistryOptions;
  /**
   * Where proxies connect in plaintext, and are believed: `HOST:PORT`; port 0 takes any. For a laptop's loopback. Default:
   * nowhere.
   */
  readonly xds?: string;
  /** The mesh's identities, and where proxies connect by TLS and prove theirs. Default: there are none. */
  readonly citadel?: Omit<CitadelOptions, 'trustDomain' | 'namespace' | 'revision' | 'log' | 'observer'>;
  /** Writes statuses to the API server that the objects come from. Default: as one of several in a cluster. */
  readonly write?: boolean;
  /** With `write`: makes Deployment and Service of Gateways that deploy themselves, from this. Default: not. */
  readonly gateways?: GatewayWorkloadOptions;
  /** Where global rate limits are counted for several control planes. Default: in memory, for this one alone. */
  readonly rateLimitRedis?: RateLimitRedis;
  /** Being one of several in the cluster whose objects these are. Default: it only reads there. */
  readonly membership?: MembershipOptions;
  /** Proxies that it makes ask Service `malha-standby` of its namespace while nobody else answers. Default: not. */
  readonly standby?: boolean;
  /** The webhooks of an API server; their certificate is Citadel's. Default: there are none. */
  readonly webhooks?: WebhooksOptions;
  /** How the registries of WebAssembly images are asked. Default: by TLS, with the system's authorities. */
  readonly images?: Omit<ImageRegistryOptions, 'signal'>;
  /** Where the console leads to for traces: a URL, with `{service}` for `NAME.NAMESPACE`. Default: nowhere. */
  readonly traces?: string;
  /** Their rules judge the objects in force, their patches change what proxies get. Default: none. */
  readonly plugins?: readonly Plugin[];
  /** Shows the status to whoever reaches the HTTP port. Default: to this machine alone. */
  readonly insecure?: boolean;
  /** Where health, metrics and status are: `HOST:PORT`; port 0 takes any. */
  readonly http: string;
  readonly log: Logger;
  /** Ends a start that still waits for its registry. */
  readonly signal?: AbortSignal;
}

export interface RunningControlPlane {
  /** The ports that it listens on; 0 where it does not. */
  readonly xdsPort: number;
  readonly xdsTlsPort: number;
  readonly httpPort: number;
  readonly webhookPort: number;
  /** Says that it is not ready any more, ends the streams and stops listening. */
  stop(): Promise<void>;
}

/**
 * Resolves when it serves: the first World is made and both ports are open. Rejects with an error that says what to do
 * when a port is taken or the registry is not to be found. Waits for an API server that does not answer yet.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<RunningControlPlane> {
  const { log } = options;
  const { xds: xdsAddress, citadel: citadelOptions, http: httpAddress, webhooks: webhookOptions } = options;
  for (const address of [xdsAddress, citadelOptions?.address, httpAddress, webhookOptions?.address]) {
    if (address) parseAddress(address);
  }
  // What gRPC has to say comes back to us as errors and goes into our log.
  setLogVerbosity(logVerbosity.NONE);

  const objectRegistry = await openRegistry(options.registry, log);
  const registry = options.consul ? await withConsul(objectRegistry, options.consul, log) : objectRegistry;
  let latest: Parameters<MeshSource['update']> = [[]];
  const issuers = new OpenIdIssuers({
    onChange: () => source.update(...latest),
    onTrouble: (issuer, error) => log.warn({ issuer, error }, 'the keys of an issuer cannot be found'),
  });
  const images = pulledImages({
    registry: options.images,
    update: () => source.update(...latest),
    metrics: () => metrics,
    log,
  });
  const source = new MeshSource({
    log,
    ...images.forSource,
    rules: rulesOf(options.plugins ?? []),
    patches: patchesOf(options.plugins ?? []),
    complete: (objects) => issuers.complete(registry.complete?.(objects) ?? objects),
    meshConfig: options.meshConfig,
    rootNamespace: options.rootNamespace ?? registry.rootNamespace,
  });
  const calls = new ObservedCalls();
  const logBudget = new LogBudget();
  const recent = new RecentRequests();
  const since = new Date();
  const replica = newReplicaId();
  let lost = 0;
  const metrics = createMetrics(source, calls, MALHA_VERSION);
  const tellLogRefused = toldOnce(log, 'access logs refused');
  const accessLogs = (callerOf?: CallerOf) =>
    accessLogService({
      calls,
      recent,
      budget: logBudget,
      callerOf,
      world: () => source.world,
      received: (entries) => metrics.countLogEntries(entries),
      lost(entries) {
        lost += entries;
        metrics.countLostLogEntries(entries);
      },
      refused: (error) => tellLogRefused(error.message),
    });
  const rateLimits = openRateLimits(options.rateLimitRedis, { source, registry: metrics.registry, log });
  let isReady = false;
  let access: Access | undefined;
  let xds: XdsServer | undefined;
  let controllers: ReturnType<typeof startControllers>;
  let membership: Membership | undefined;
  let webhooks: Webhooks | undefined;
  const revision = options.membership?.revision;
  const standby = (namespace: string) => (options.standby ? { standby: standbyIn(namespace, revision) } : {});
  const ownStatus = () => {
    const [connected, rejected] = [xds?.proxies() ?? [], xds?.rejected() ?? []];
    const expiries = access?.citadel.expiries() ?? [];
    const who = { version: MALHA_VERSION, revision: revision ?? DEFAULT_REVISION, since };
    return statusOf({ ...who, source, connected, rejected, calls, lost, expiries });
  };
  const topics = {
    status: { name: 'status', answer: ownStatus, read: readStatus },
    requests: tapTopic({ replica, since, recent, world: () => source.world, lost: () => lost }),
    configuration: configurationTopic(() => xds),
  };
  const replicas = new Replicas({
    replica,
    revision,
    namespace: () => options.rootNamespace ?? registry.rootNamespace ?? DEFAULT_NAMESPACE,
    source,
    xds: () => xds,
    objects: () => latest[0],
    topics: Object.values(topics),
    log,
  });
  const statusOfReplicas = async () => {
    const others = await replicas.others(topics.status);
    return statusOfAll(ownStatus(), replicas.name, others);
  };
  const pages: Pages = {
    ...consolePages(),
    '/healthz': { access: 'open', answer: () => text('ok\n') },
    '/readyz': { access: 'open', answer: () => (isReady ? text('ready\n') : text('not ready\n', 503)) },
    '/metrics': { access: 'open', answer: async () => ({ type: metrics.contentType, body: await metrics.text() }) },
    '/status': {
      access: 'debug',
      answer: async ({ namespace }, query) =>
        json(withinNamespaceOf(query.get('replicas') === 'own' ? ownStatus() : await statusOfReplicas(), namespace)),
    },
    '/graph': {
      access: 'debug',
      answer: async ({ namespace }) => {
        const certificateSeconds = access && (options.citadel?.leafSeconds ?? LEAF_SECONDS);
        const status = await statusOfReplicas();
        const { traces } = options;
        return json(graphOf({ source, status, replicaGone: replicas.gone, certificateSeconds, traces }, namespace));
      },
    },
    '/tap': {
      access: 'debug',
      answer: async ({ namespace }, query) => {
        const [after, now] = [query.get('after'), Date.now()];
        return json(tapOf(await replicas.all(topics.requests, after ?? ''), after, { namespace, now }));
      },
    },
    '/config': {
      access: 'debug',
      answer: async (visitor, query) => {
        const name = query.get('proxy') ?? '';
        return configurationAnswer(mayAskFor(name, visitor) ? await replicas.all(topics.configuration, name) : []);
      },
    },
    '/sd/targets': {
      access: 'open',
      answer: () => json(scrapeTargets(xds?.proxies() ?? [], (node) => source.labelsOf(node))),
    },
  };
  const onHttpError = (error: Error) => log.error({ error: error.message }, 'HTTP error');
  const visitorOf = options.insecure ? () => ({}) : localVisitor;
  const http = await serveHttp(options.http, pages, visitorOf, onHttpError);
  const stop = async () => {
    isReady = false;
    controllers?.close();
    replicas.close();
    issuers.close();
    images.close();
    // What others ask for ends before what it is answered from.
    await webhooks?.close();
    await membership?.close();
    await registry.close();
    await xds?.close();
    await rateLimits.close();
    await access?.citadel.close();
    await http.close();
  };
  try {
    // The World comes first, so that nobody who connects has to wait for it.
    options.signal?.addEventListener('abort', () => void registry.close());
    await registry.watch((objects, findings) => {
      latest = [objects, findings];
      source.update(...latest);
      membership?.see(objects);
      metrics.countObjects(objects);
    });
    if (source.configuration.state === 'waiting') options.signal?.throwIfAborted();
    const namespace = options.rootNamespace ?? registry.rootNamespace ?? DEFAULT_NAMESPACE;
    if (options.membership) {
      if (!objectRegistry.client) throw new Error('a control plane of a cluster reads it: use --registry kubernetes');
      membership = joinCluster(options.membership, {
        api: objectRegistry.client,
        namespace,
        names: objectRegistry.names,
        log,
      });
      membership.see(latest[0]);
    }
    const { citadel } = options;
    const shared = membership && {
      leadership: membership.leadership,
      storage: membership.storage ?? citadel?.storage,
      tokenReviews: membership.tokenReviews,
    };
    access = citadel && (await openAccess({ ...citadel, ...shared, log, namespace, revision }, source, metrics));
    if (access) await membership?.serve(access.citadel);
    if (access && membership) replicas.join(access.citadel);
    const server = new XdsServer(source, {
      log,
      observer: metrics.observer,
      plainServices: [accessLogs(), rateLimits.service()],
      secureServices: access && [
        ...access.citadel.services,
        accessLogs(access.citadel.callerOf),
        rateLimits.service(access.citadel.callerOf),
        replicas.service(access.citadel),
      ],
      authenticate: access?.citadel.callerOf,
      connectionSecrets: access?.citadel.secrets,
    });
    xds = server;
    if (options.xds && !isLoopback(options.xds)) {
      log.warn({ xds: options.xds }, 'plaintext xDS beyond loopback: whoever reaches it is believed; use TLS');
    }
    const xdsPort = options.xds ? await server.listen(options.xds) : 0;
    const xdsTlsPort = access ? await listenSecurely(access, server, pages, onHttpError) : 0;
    if (options.webhooks) {
      if (!access) throw new Error('the webhooks have no certificate: they need --xds-tls and an authority');
      const { citadel: issuer } = access;
      const { address, injection } = options.webhooks;
      const wanted = { address, injection: { ...injection, ...standby(namespace) } };
      webhooks = await serveWebhooks(wanted, {
        citadel: issuer,
        namespace,
        revision,
        world: () => source.world,
        metrics,
        log,
      });
    }
    const webhookPort = webhooks?.port ?? 0;
    isReady = true;
    if (options.write ?? membership !== undefined) {
      controllers = startControllers({
        registry,
        source,
        xds: server,
        objects: () => latest[0],
        gateways: options.gateways && {
          ...(membership && { controlPlane: `${controlPlaneHost(namespace, revision)}:15012` }),
          mesh: namespace,
          ...standby(namespace),
          ...options.gateways,
        },
        writers: membership &&
          access && {
            mesh: {
              leadership: membership.leadership,
              reports: replicas.reports(membership.leadership, access.citadel, { revision: 'every' }),
            },
            revision: {
              leadership: membership.ofRevision,
              reports: replicas.reports(membership.ofRevision, access.citadel, { revision: 'own' }),
            },
          },
        names: objectRegistry.names,
        log,
      });
    }
    const { objects, state } = source.configuration;
    log.info(
      { xds: xdsPort, xdsTls: xdsTlsPort, webhooks: webhookPort, http: http.port, objects, configuration: state },
      'control plane is ready',
    );
    return {
      xdsPort,
      xdsTlsPort,
      httpPort: http.port,
      webhookPort,
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

/** The same for everyone, but not for anyone: who may see the mesh may see the console. */
function consolePages(): Pages {
  return Object.fromEntries(
    Object.entries(consoleAssets()).map(([path, asset]) => [
      path,
      { access: 'debug', answer: () => ({ type: asset.type, body: asset.body(), headers: SECURITY_HEADERS }) },
    ]),
  );
}
