/**
 * Which endpoints a client prefers for being near: `localityLbSetting`, and a Service's `trafficDistribution`.
 * https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
 */
import type { LocalityLoadBalancerSetting, MeshConfig } from '../api';
import { type Endpoint, type Labels, placeLabels, type Service } from '../world';
import type { EffectivePolicy } from './traffic-policy';

/** The client, as far as balancing by place asks. */
export interface Place {
  /** `region/zone/sub-zone`; empty where it is unknown or nobody asks. */
  readonly locality: string;
  /** Of its workload and its place; only those that some `failoverPriority` names. */
  readonly labels: Labels;
  /** The name of its Node; empty where nobody asks. */
  readonly node: string;
}

/** Nobody asks where the client is, or nobody knows. */
export function isNowhere({ locality, labels, node }: Place): boolean {
  return locality === '' && node === '' && Object.keys(labels).length === 0;
}

/** Endpoints of one locality, of one preference. */
export interface EndpointGroup {
  readonly locality: string;
  readonly endpoints: readonly Endpoint[];
  /** 0 is used first. */
  readonly priority?: number;
  /** Relative to the other groups of the priority. */
  readonly weight?: number;
}

/** How nearness counts for a cluster; undefined where it does not. */
export interface Nearness {
  readonly distribute?: LocalityLoadBalancerSetting['distribute'];
  readonly failover?: LocalityLoadBalancerSetting['failover'];
  readonly failoverPriority?: readonly string[];
}

/** The labels of a place, from the region on. */
const PLACE_LABELS = Object.keys(placeLabels('region/zone/sub-zone'));

/** `PreferClose` and its successors: the same sub-zone, then the same zone, then the same region. */
const CLOSE: Nearness = { failoverPriority: PLACE_LABELS };

/** The DestinationRule's setting before the Service's wish, that before the mesh's. */
export function nearnessOf(mesh: MeshConfig, policy: EffectivePolicy, service: Service): Nearness | undefined {
  const own = policy.loadBalancer?.localityLbSetting;
  if (!own && service.prefersClose) return CLOSE;
  const setting = own ?? mesh.localityLbSetting ?? {};
  if (setting.enabled === false) return undefined;
  if (setting.distribute?.length) return { distribute: setting.distribute };
  // Without ejection Envoy never leaves the first priority.
  if (!policy.outlierDetection) return undefined;
  return { failover: setting.failover ?? [], failoverPriority: setting.failoverPriority };
}

/** Whether a client at `place` is answered in another way than one at an unknown place. */
export function countsFor(nearness: Nearness | undefined, place: Place): boolean {
  if (!nearness) return false;
  return place.locality !== '' || Boolean(nearness.failoverPriority?.some((label) => !isOfPlace(label)));
}

function isOfPlace(label: string): boolean {
  return PLACE_LABELS.includes(label);
}

/** The endpoints as they come, one group for each locality. */
export function byLocality(endpoints: readonly Endpoint[]): EndpointGroup[] {
  return [...grouped(endpoints, ({ locality }) => locality)].map(([locality, group]) => ({
    locality,
    endpoints: group,
  }));
}

/** The groups as a client at `place` should use them. */
export function arranged(endpoints: readonly Endpoint[], nearness: Nearness, place: Place): EndpointGroup[] {
  if (nearness.distribute) return distributed(byLocality(endpoints), nearness.distribute, place.locality);
  const labels = nearness.failoverPriority ?? [];
  const ranked = grouped(endpoints, (endpoint) => `${mismatches(endpoint, labels, place)}|${endpoint.locality}`);
  const byRegion = labels.length === 0 || (nearness.failover?.length ?? 0) > 0;
  const groups = [...ranked].map(([key, group]) => {
    const rank = Number(key.slice(0, key.indexOf('|')));
    const locality = group[0]!.locality;
    const distance = byRegion ? distanceOf(place.locality, locality, nearness.failover ?? []) : 0;
    return { locality, endpoints: group, rank: rank * FARTHEST + distance, weight: weightOf(group) };
  });
  const ranks = [...new Set(groups.map(({ rank }) => rank))].sort((a, b) => a - b);
  // Envoy wants priorities without gaps.
  return groups
    .map(({ rank, ...group }) => ({ ...group, priority: ranks.indexOf(rank) }))
    .sort((a, b) => a.priority - b.priority);
}

function grouped(endpoints: readonly Endpoint[], keyOf: (endpoint: Endpoint) => string): Map<string, Endpoint[]> {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const key = keyOf(endpoint);
    const group = groups.get(key);
    if (group) group.push(endpoint);
    else groups.set(key, [endpoint]);
  }
  return groups;
}

function weightOf(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, { weight }) => sum + (weight || 1), 0);
}

/** How many of the labels, from the first that differs on, are no match. `key=value` stands for the client's value. */
function mismatches(endpoint: Endpoint, labels: readonly string[], place: Place): number {
  const ours: Labels = { ...place.labels, ...placeLabels(place.locality) };
  const theirs: Labels = { ...endpoint.labels, ...placeLabels(endpoint.locality) };
  const first = labels.findIndex((label) => {
    const at = label.indexOf('=');
    const key = at < 0 ? label : label.slice(0, at);
    return (at < 0 ? ours[key] : label.slice(at + 1)) !== theirs[key];
  });
  return first < 0 ? 0 : labels.length - first;
}

const FARTHEST = 5;

/** 0 for the same sub-zone up to 3 for another region; 4 for a region that another one takes over for. */
function distanceOf(client: string, endpoint: string, failover: readonly { from?: string; to?: string }[]): number {
  const [region, zone, subZone] = client.split('/');
  const [theirRegion, theirZone, theirSubZone] = endpoint.split('/');
  if (region === theirRegion) {
    if (zone !== theirZone) return 2;
    return subZone === theirSubZone ? 0 : 1;
  }
  const rule = failover.find(({ from }) => from === region);
  return !rule || rule.to === theirRegion ? 3 : 4;
}

/** The shares of the first rule for the client's locality; localities that it does not name get nothing. */
function distributed(
  groups: readonly EndpointGroup[],
  distribute: NonNullable<Nearness['distribute']>,
  client: string,
): EndpointGroup[] {
  const rule = distribute.find(({ from }) => matches(client, from ?? ''));
  if (!rule) return [...groups];
  const left = new Set(groups);
  // The more a pattern says, the earlier it takes what it names.
  const shares = Object.entries(rule.to ?? {}).sort(([a], [b]) => specificity(b) - specificity(a));
  return shares.flatMap(([pattern, share]) => {
    const taken = [...left].filter(({ locality }) => matches(locality, pattern));
    for (const group of taken) left.delete(group);
    const total = taken.reduce((sum, { endpoints }) => sum + weightOf(endpoints), 0);
    if (share === 0) return [];
    return taken.map((group) => ({ ...group, weight: Math.ceil((share * weightOf(group.endpoints)) / total) }));
  });
}

function specificity(pattern: string): number {
  return pattern.split('/').filter((part) => part && part !== '*').length;
}

/** `us-west/*` and `us-west` stand for all of the region, `*` for everywhere. */
function matches(locality: string, pattern: string): boolean {
  const parts = locality.split('/');
  const wanted = pattern.split('/');
  for (const [i, part] of wanted.entries()) {
    if (part === '*') return true;
    if (part !== (parts[i] ?? '')) return false;
  }
  return true;
}
