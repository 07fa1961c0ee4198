/** A snapshot with patches applied, resource by resource. */
import type { envoy } from '../../envoy/generated/envoy';
import type { EnvoyResource, Snapshot } from '../../envoy/resource';
import { TypeUrl } from '../../envoy/type-url';
import type { Patched } from '../../world';
import type { Evaluation, Query } from '../memo';
import { FAILED } from '../memo';
import { configPath } from '../metadata';
import { patchCluster } from './cluster-patch';
import { discoveredConfigurations } from './discovered-filter';
import type { ExtensionConfigs } from './http-filter-patch';
import { patchListener } from './listener-patch';
import type { Patch } from './patch';
import { leaveTrace, type PatchTrace } from './patch-traces';
import { type PatchView, patchesOf } from './patches-of-proxy';
import { type GatewayOfRoute, patchRoutes } from './route-patch';

type Resources = readonly EnvoyResource[];

/** What is not patched is the very resource that others have. */
export function patchedSnapshot(evaluation: Evaluation, base: Snapshot, view: PatchView): Snapshot {
  const { patches, failures } = patchesOf(evaluation, view);
  for (const { source, path, applyTo, error } of failures) {
    evaluation.fail({ typeUrl: TYPES[applyTo], name: `${source} ${path}`, error });
  }
  return {
    ...base,
    ...discoveredConfigurations(evaluation, patches),
    clusters: patchedList(evaluation, base.clusters, view, 'CLUSTER', TypeUrl.cluster),
    listeners: patchedList(evaluation, base.listeners, view, 'LISTENER', TypeUrl.listener),
    routes: patchedList(evaluation, base.routes, view, 'ROUTE_CONFIGURATION', TypeUrl.route),
  };
}

type TypeOf = (typeof TypeUrl)[keyof typeof TypeUrl];

const TYPES: Record<Patched, TypeOf> = {
  LISTENER: TypeUrl.listener,
  LISTENER_FILTER: TypeUrl.listener,
  FILTER_CHAIN: TypeUrl.listener,
  NETWORK_FILTER: TypeUrl.listener,
  HTTP_FILTER: TypeUrl.listener,
  EXTENSION_CONFIG: TypeUrl.listener,
  ROUTE_CONFIGURATION: TypeUrl.route,
  VIRTUAL_HOST: TypeUrl.route,
  HTTP_ROUTE: TypeUrl.route,
  CLUSTER: TypeUrl.cluster,
};

const ROUTES = new Set<Patched>(['ROUTE_CONFIGURATION', 'VIRTUAL_HOST', 'HTTP_ROUTE']);

/** Routes of a sidecar's application stand within its listeners. */
function touches(applyTo: Patched, typeUrl: TypeOf): boolean {
  return TYPES[applyTo] === typeUrl || (typeUrl === TypeUrl.listener && ROUTES.has(applyTo));
}

function patchedList(
  evaluation: Evaluation,
  resources: Resources,
  view: PatchView,
  whole: Patched,
  typeUrl: TypeOf,
): Resources {
  const patches = patchesOf(evaluation, view).patches.filter(({ applyTo }) => touches(applyTo, typeUrl));
  if (patches.length === 0) return resources;
  const kept = resources.flatMap(
    (resource) => evaluation.derive(resourceQuery, `${resource.version}|${view.key}`, { resource, view }) ?? [],
  );
  const added = patches
    .filter(({ applyTo, operation }) => applyTo === whole && operation === 'ADD' && whole !== 'ROUTE_CONFIGURATION')
    .flatMap((patch) => addedResource(evaluation, typeUrl, patch) ?? []);
  const byName = new Map<string, EnvoyResource>();
  // What was added may not take the place of what there is.
  for (const resource of [...kept, ...added]) if (!byName.has(resource.name)) byName.set(resource.name, resource);
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function addedResource(evaluation: Evaluation, typeUrl: TypeOf, patch: Patch): EnvoyResource | undefined {
  const { name } = patch.value;
  const failure = `${patch.source} ${patch.path}`;
  if (typeof name !== 'string' || name === '') {
    evaluation.fail({ typeUrl, name: failure, error: new Error('what is added has to have a name') });
    return undefined;
  }
  const made = evaluation.attempt(typeUrl, name, () => patch.value);
  if (made === FAILED) return undefined;
  leaveTrace(made, undefined, traceOf(evaluation, patch));
  return made;
}

function traceOf(evaluation: Evaluation, { source, match, operation, value }: Patch): PatchTrace {
  const object = evaluation.extension(source);
  return { path: object ? configPath(object) : source, text: JSON.stringify({ match, operation, value }) };
}

interface ResourceArgs {
  readonly resource: EnvoyResource;
  readonly view: PatchView;
}

/** One resource is patched once for all proxies with the same patches, and again only when it or a patch changes. */
const resourceQuery: Query<ResourceArgs, EnvoyResource | undefined> = {
  name: 'patched resource',
  compute: (evaluation, { resource, view }) => {
    const { typeUrl } = resource;
    const all = patchesOf(evaluation, view).patches;
    const patches = all.filter(
      ({ applyTo, match }) => touches(applyTo, typeUrl) && isContext(match.context ?? 'ANY', resource, view),
    );
    const context: Context = { typeUrl, extensions: extensionConfigs(all), gateways: gatewaysOf(evaluation, view) };
    let current = resource;
    for (const patch of patches) {
      try {
        const message = applied(current.message, patch, context);
        if (!message) return undefined;
        if (message === current.message) continue;
        const { name } = message as { name?: string };
        // Made after each patch, so that only the patch is left out that makes of it what cannot be encoded.
        const made = evaluation.attempt(typeUrl, name || resource.name, () => message);
        if (made === FAILED) continue;
        leaveTrace(made, current, traceOf(evaluation, patch));
        current = made;
      } catch (error) {
        evaluation.fail({ typeUrl, name: `${patch.source} ${patch.path} on ${resource.name}`, error: error as Error });
      }
    }
    return current;
  },
};

interface Context {
  readonly typeUrl: TypeOf;
  readonly extensions: ExtensionConfigs;
  readonly gateways: readonly GatewayOfRoute[];
}

function applied(message: object, patch: Patch, context: Context): object | undefined {
  switch (context.typeUrl) {
    case TypeUrl.cluster:
      return patchCluster(message, patch);
    case TypeUrl.route:
      return patchRoutes(message, patch, context.gateways);
    default:
      return patchListener(message, patch, context);
  }
}

function extensionConfigs(patches: readonly Patch[]): ExtensionConfigs {
  const configs = new Map<string, envoy.config.core.v3.TypedExtensionConfig>();
  for (const { applyTo, operation, value } of patches) {
    if (applyTo === 'EXTENSION_CONFIG' && operation === 'ADD') configs.set(String(value['name']), value);
  }
  return configs;
}

function gatewaysOf(evaluation: Evaluation, { type, namespace, labels }: PatchView): GatewayOfRoute[] {
  if (type !== 'router') return [];
  return evaluation.gateways(namespace, labels).map(({ metadata, spec }) => ({
    name: `${metadata.namespace ?? 'default'}/${metadata.name}`,
    ports: (spec.servers ?? []).flatMap(({ port }) => (port ? [{ number: port.number, name: port.name ?? '' }] : [])),
  }));
}

function isContext(wanted: string, resource: EnvoyResource, { type }: PatchView): boolean {
  if (wanted === 'ANY') return true;
  if (type === 'router') return wanted === 'GATEWAY';
  return wanted === (isInbound(resource) ? 'SIDECAR_INBOUND' : 'SIDECAR_OUTBOUND');
}

function isInbound({ name, message }: EnvoyResource): boolean {
  return (
    name.startsWith('inbound|') ||
    name === 'InboundPassthroughCluster' ||
    (message as envoy.config.listener.v3.Listener).traffic_direction === 'INBOUND'
  );
}
