/** From a World to what a proxy should have: the entry to this room. */
import type { EnvoyResource, Snapshot } from '../envoy/resource';
import { compareText, type Proxy, type World } from '../world';
import { issuerClusters } from './authorization';
import { type ClientView, clientViewOf } from './client-view';
import { endpointsOfService } from './endpoints';
import { fixedClusters } from './fixed-clusters';
import { gatewayListeners } from './gateway-listeners';
import { gatewayRoutes, gatewayScopes } from './gateway-routes';
import { type GatewayProxy, gatewayProxyOf, gatewayViewOf } from './gateway-view';
import { inboundCluster } from './inbound-clusters';
import { inboundListeners } from './inbound-listeners';
import { type InboundView, inboundViewOf } from './inbound-ports';
import { type Evaluation, Memo, type Query, type TranslationFailure } from './memo';
import { clustersOfService } from './outbound-clusters';
import { httpProxyPort, outboundListeners } from './outbound-listeners';
import { passthroughClusters, passthroughEndpoints } from './passthrough-clusters';
import { changedSnapshotQuery, type NamedPatch, type PatchView, patchedSnapshot, patchViewOf } from './patch';
import { backendSecrets, clientSecrets, gatewaySecrets } from './secrets';
import { httpProxyRoute, portRoutes, sniffedRoutes } from './sidecar-routes';

type Resources = readonly EnvoyResource[];

/**
 * Translates, and remembers: each resource is computed once for all proxies with the same view, and again only when
 * something that was read for it has changed. Unchanged resources, and lists of them, are identical (`===`) across
 * proxies and Worlds. Without its memory, the result would be the same.
 */
export class Translator {
  private readonly memo = new Memo();

  /** @param patches of plugins, applied after those of objects. */
  constructor(private readonly patches: readonly NamedPatch[] = []) {}

  /**
   * All that `proxy` should have. Every list is sorted by name. Resources that cannot be made are left as they last
   * were (`failures` says why), so that one bad object costs nothing but itself.
   */
  snapshot(world: World, proxy: Proxy): Snapshot {
    const asked = askedOf(world, proxy);
    const { query, key, args } = asked;
    if (this.patches.length === 0) return this.memo.evaluate(world, query, key, args);
    const { type, namespace } = proxy;
    return this.memo.evaluate(world, changedSnapshotQuery, `${query.name}|${type}|${namespace}|${key}`, {
      asked,
      proxy: { type, namespace },
      patches: this.patches,
    });
  }

  /** What could not be translated from the newest World. */
  get failures(): readonly TranslationFailure[] {
    return this.memo.failures;
  }

  /** How many computations were needed so far, for tests and metrics. */
  get computations(): number {
    return this.memo.computations;
  }
}

/** The query whose answer is the snapshot of `proxy`. */
function askedOf(world: World, proxy: Proxy): { query: Query<unknown, Snapshot>; key: string; args: unknown } {
  const asked = <A>(query: Query<A, Snapshot>, key: string, args: A) => ({
    query: query as Query<unknown, Snapshot>,
    key,
    args,
  });
  const patches = patchViewOf(world, proxy);
  if (proxy.type === 'router') {
    const gateway = gatewayProxyOf(world, proxy);
    const key = `${gateway.key}|${gateway.client.clusterKey}`;
    if (!patches) return asked(gatewaySnapshotQuery, key, gateway);
    return asked(patchedGatewayQuery, `${key}|${patches.key}`, { args: gateway, key, patches });
  }
  const view = clientViewOf(world, proxy);
  const inbound = inboundViewOf(world, proxy, view.viewer);
  const key = `${view.key}|${view.clusterKey}|${inbound.key}`;
  const args = { view, inbound };
  if (!patches) return asked(sidecarSnapshotQuery, key, args);
  return asked(patchedSidecarQuery, `${key}|${patches.key}`, { args, key, patches });
}

interface SidecarArgs {
  readonly view: ClientView;
  readonly inbound: InboundView;
}

const sidecarSnapshotQuery: Query<SidecarArgs, Snapshot> = {
  name: 'sidecar snapshot',
  compute: (evaluation, { view, inbound }) => ({
    clusters: evaluation.derive(sidecarClustersQuery, `${view.key}|${view.clusterKey}|${inbound.key}`, {
      view,
      inbound,
    }),
    endpoints: evaluation.derive(endpointsQuery, view.clusterKey, view),
    listeners: evaluation.derive(sidecarListenersQuery, `${view.key}|${inbound.key}`, { view, inbound }),
    routes: evaluation.derive(sidecarRoutesQuery, view.key, view),
    scopes: NO_SCOPES,
    secrets: evaluation.derive(clientSecretsQuery, view.clusterKey, view),
  }),
};

const NO_SCOPES: Resources = [];

const sidecarClustersQuery: Query<SidecarArgs, Resources> = {
  name: 'sidecar clusters',
  compute: (evaluation, { view, inbound }) =>
    merged(
      evaluation.derive(clientClustersQuery, view.clusterKey, view),
      sorted([
        ...inbound.ports.map((port) => inboundCluster(evaluation, view, port)),
        ...issuerClusters(evaluation, inbound.security.authorization),
      ]),
    ),
};

const sidecarListenersQuery: Query<SidecarArgs, Resources> = {
  name: 'sidecar listeners',
  compute: (evaluation, { view, inbound }) =>
    merged(
      evaluation.derive(clientListenersQuery, view.key, view),
      sorted(inboundListeners(evaluation, view, inbound)),
    ),
};

const clientListenersQuery: Query<ClientView, Resources> = {
  name: 'client listeners',
  compute: (evaluation, view) => sorted(outboundListeners(evaluation, view)),
};

const sidecarRoutesQuery: Query<ClientView, Resources> = {
  name: 'sidecar routes',
  compute: (evaluation, view) =>
    sorted([
      ...portRoutes(evaluation, view),
      ...sniffedRoutes(evaluation, view),
      httpProxyPort(evaluation, view) ? httpProxyRoute(evaluation, view) : undefined,
    ]),
};

/** Clusters do not depend on who in a namespace the client is. */
const clientClustersQuery: Query<ClientView, Resources> = {
  name: 'client clusters',
  compute: (evaluation, view) =>
    sorted([
      ...fixedClusters(evaluation, view),
      ...evaluation
        .visibleServices(view.viewer)
        .flatMap(({ hostname }) => clustersOfService(evaluation, { view, hostname })),
    ]),
};

const endpointsQuery: Query<ClientView, Resources> = {
  name: 'client endpoints',
  compute: (evaluation, view) =>
    sorted(
      evaluation
        .visibleServices(view.viewer)
        .flatMap(({ hostname }) => endpointsOfService(evaluation, { view, hostname })),
    ),
};

const clientSecretsQuery: Query<ClientView, Resources> = {
  name: 'client secrets',
  compute: (evaluation, view) => sorted([...clientSecrets(evaluation, view), ...backendSecrets(evaluation, view)]),
};

const gatewaySnapshotQuery: Query<GatewayProxy, Snapshot> = {
  name: 'gateway snapshot',
  compute: (evaluation, proxy) => ({
    clusters: evaluation.derive(gatewayClustersQuery, `${proxy.key}|${proxy.client.clusterKey}`, proxy),
    endpoints: merged(
      evaluation.derive(endpointsQuery, proxy.client.clusterKey, proxy.client),
      passedThrough(evaluation, proxy, passthroughEndpoints),
    ),
    listeners: evaluation.derive(gatewayListenersQuery, proxy.key, proxy),
    routes: evaluation.derive(gatewayRoutesQuery, proxy.key, proxy),
    scopes: evaluation.derive(gatewayScopesQuery, proxy.key, proxy),
    secrets: merged(
      evaluation.derive(gatewaySecretsQuery, proxy.key, proxy),
      evaluation.derive(clientSecretsQuery, proxy.client.clusterKey, proxy.client),
    ),
  }),
};

/** For whatever server name comes to a gateway that passes all of the mesh through. */
function passedThrough(evaluation: Evaluation, proxy: GatewayProxy, make: typeof passthroughClusters): Resources {
  const { client } = proxy;
  const isOpen = gatewayViewOf(evaluation, proxy).ports.some(({ servers }) =>
    servers.some(({ kind }) => kind === 'autoPassthrough'),
  );
  if (!isOpen) return [];
  const services = evaluation.visibleServices(client.viewer);
  return sorted(services.flatMap(({ hostname }) => make(evaluation, { view: client, hostname })));
}

const gatewayClustersQuery: Query<GatewayProxy, Resources> = {
  name: 'gateway clusters',
  compute: (evaluation, proxy) => {
    const { client, authorization } = proxy;
    return merged(
      evaluation.derive(clientClustersQuery, client.clusterKey, client),
      sorted([...passedThrough(evaluation, proxy, passthroughClusters), ...issuerClusters(evaluation, authorization)]),
    );
  },
};

const gatewayListenersQuery = ofGateway('gateway listeners', gatewayListeners);
const gatewayRoutesQuery = ofGateway('gateway routes', gatewayRoutes);
const gatewayScopesQuery = ofGateway('gateway scopes', gatewayScopes);
const gatewaySecretsQuery = ofGateway('gateway secrets', gatewaySecrets);

function ofGateway(name: string, make: typeof gatewayListeners): Query<GatewayProxy, Resources> {
  return { name, compute: (evaluation, proxy) => sorted(make(evaluation, proxy)) };
}

const patchedSidecarQuery = patchedQuery(sidecarSnapshotQuery);
const patchedGatewayQuery = patchedQuery(gatewaySnapshotQuery);

interface PatchedArgs<A> {
  readonly args: A;
  readonly key: string;
  readonly patches: PatchView;
}

/** The same snapshot with patches applied; what they do not touch is shared with everybody else. */
function patchedQuery<A>(base: Query<A, Snapshot>): Query<PatchedArgs<A>, Snapshot> {
  return {
    name: `patched ${base.name}`,
    compute: (evaluation, { args, key, patches }) =>
      patchedSnapshot(evaluation, evaluation.derive(base, key, args), patches),
  };
}

/** By name; Envoy's names are unique per type, and the first of several is kept. */
function sorted(resources: readonly (EnvoyResource | undefined)[]): Resources {
  const byName = new Map<string, EnvoyResource>();
  for (const resource of resources) if (resource && !byName.has(resource.name)) byName.set(resource.name, resource);
  return [...byName.values()].sort((a, b) => compareText(a.name, b.name));
}

/** Of two sorted lists one; where both have a name, the first list's is kept. */
function merged(many: Resources, few: Resources): Resources {
  const result = [...many];
  let at = 0;
  for (const resource of few) {
    while (at < result.length && compareText(result[at]!.name, resource.name) < 0) at++;
    if (result[at]?.name !== resource.name) result.splice(at, 0, resource);
  }
  return result;
}
