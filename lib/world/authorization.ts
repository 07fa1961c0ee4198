/**
 * Which AuthorizationPolicies, RequestAuthentications and RateLimits hold for a workload: those of its namespace and of the root
 * namespace whose selector its labels meet, or which name the gateway that it serves.
 */
import type { AuthorizationPolicy, RateLimit, RequestAuthentication } from '../api';
import { nameKey, partsOfName } from './inventory';
import { type Labels, selects } from './labels';
import { partsOf, type Table, table } from './reads';
import type { World } from './world';

type Policy = AuthorizationPolicy | RequestAuthentication | RateLimit;

/** The label by which the Pods of a Gateway (gateway.networking.k8s.io) name it. */
export const GATEWAY_NAME_LABEL = 'gateway.networking.k8s.io/gateway-name';
const GATEWAY_CLASS_LABEL = 'gateway.networking.k8s.io/gateway-class-name';
const GATEWAY_GROUP = 'gateway.networking.k8s.io';

/** By namespace and labels (as JSON) of a workload; oldest first, those of the root namespace before its own. */
export const authorizationPoliciesTable = ofWorkload(
  'authorization policies',
  (world) => world.inventory.authorizationPolicies,
);

/** By namespace and labels (as JSON) of a workload; oldest first, those of the root namespace before its own. */
export const requestAuthenticationsTable = ofWorkload(
  'request authentications',
  (world) => world.inventory.requestAuthentications,
);

/** By namespace and labels (as JSON) of a workload; oldest first, those of the root namespace before its own. */
export const rateLimitsTable = ofWorkload('rate limits', (world) => world.inventory.rateLimits);

/** By `namespace/name`. */
export const rateLimitTable = byName('rate limit', (world) => world.inventory.rateLimits);

/** By `namespace/name`. */
export const authorizationPolicyTable = byName(
  'authorization policy',
  (world) => world.inventory.authorizationPolicies,
);

/** By `namespace/name`. */
export const requestAuthenticationTable = byName(
  'request authentication',
  (world) => world.inventory.requestAuthentications,
);

type Drawer<P> = (world: World) => ReadonlyMap<string, readonly P[]>;

function ofWorkload<P extends Policy>(name: string, drawer: Drawer<P>): Table<readonly P[]> {
  return table(name, (world, key) => {
    const [namespace, json] = partsOf(key, 2);
    const labels = JSON.parse(json) as Labels;
    const { rootNamespace } = world.mesh;
    return [...new Set([rootNamespace, namespace])].flatMap((place) =>
      (drawer(world).get(place) ?? []).filter((policy) => holdsFor(policy, place === namespace, labels)),
    );
  });
}

function byName<P extends Policy>(name: string, drawer: Drawer<P>): Table<P | undefined> {
  return table(name, (world, key) => {
    const [namespace] = partsOfName(key);
    return drawer(world)
      .get(namespace)
      ?.find((policy) => nameKey(policy.metadata.namespace, policy.metadata.name) === key);
  });
}

/** Targets are of the policy's own namespace, except classes of gateways, which have none. */
function holdsFor({ spec }: Policy, isNeighbour: boolean, labels: Labels): boolean {
  const targets = spec?.targetRefs ?? (spec && 'targetRef' in spec && spec.targetRef ? [spec.targetRef] : []);
  if (targets.length === 0) return selects(spec?.selector?.matchLabels, labels);
  return namesWorkload(targets, isNeighbour, labels);
}

/** What a policy names where it has no selector. */
export interface PolicyTarget {
  readonly group?: string;
  readonly kind: string;
  readonly name: string;
}

/** Whether a workload with these labels serves one of the gateways that `targets` name. */
export function namesWorkload(targets: readonly PolicyTarget[], isNeighbour: boolean, labels: Labels): boolean {
  return targets.some(({ group, kind, name }) => {
    if (group !== GATEWAY_GROUP) return false;
    if (kind === 'Gateway') return isNeighbour && labels[GATEWAY_NAME_LABEL] === name;
    return kind === 'GatewayClass' && labels[GATEWAY_CLASS_LABEL] === name;
  });
}
