/**
 * Where workloads are: `region/zone/sub-zone`, from the labels of Nodes, unless a Pod says otherwise. What depends on it
 * is asked for first, so that a mesh where nothing does looks the same from everywhere.
 */
import type { LocalityLoadBalancerSetting, TrafficPolicy } from '../api';
import type { KubeNode, Pod } from '../api/kubernetes';
import type { Labels } from './labels';
import { type Reader, table } from './reads';

/** `us-west.zone1.rack2`, on a Pod: stronger than the labels of its Node. */
const LOCALITY_LABEL = 'istio-locality';

const KEYS = [
  ['topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/region'],
  ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone'],
  ['topology.istio.io/subzone'],
] as const;

const nodeTable = table<KubeNode | undefined>('node', (world, name) => world.inventory.nodes.get(name));

/**
 * @param known what is known of the place beside the Pod: the Node, and its zone.
 * @returns empty where nothing is known, else with all three parts, of which some may be empty.
 */
export function localityOf(reader: Reader, pod: Pod | undefined, known: { node?: string; zone?: string } = {}): string {
  const written = pod?.metadata.labels?.[LOCALITY_LABEL];
  if (written) return normalized(written.includes('/') ? written : written.replaceAll('.', '/'));
  const name = pod?.spec?.nodeName ?? known.node;
  const labels: Labels = (name && reader.read(nodeTable, name)?.metadata.labels) || {};
  const [region = '', zone = known.zone ?? '', subZone = ''] = KEYS.map(
    (keys) => keys.map((key) => labels[key]).find((value) => value) ?? undefined,
  );
  return normalized([region, zone, subZone].join('/'));
}

/** `region`, `region/zone` and so on with all three parts; empty when all are. */
export function normalized(locality: string): string {
  const [region = '', zone = '', subZone = ''] = locality.split('/');
  return region || zone || subZone ? `${region}/${zone}/${subZone}` : '';
}

/** The labels by which a place can be compared, beside those that the workload itself carries. */
export function placeLabels(locality: string): Labels {
  const parts = locality.split('/');
  return Object.fromEntries(KEYS.flatMap(([key], i) => (parts[i] ? [[key, parts[i]]] : [])));
}

/** What of the client's place the translation of this World depends on. */
export interface PlaceInterest {
  readonly locality: boolean;
  readonly node: boolean;
  /** Label keys, sorted. */
  readonly labels: readonly string[];
}

export const placeInterestTable = table<PlaceInterest>('interest in places', (world) => {
  const { destinationRules, services } = world.inventory;
  const policies = destinationRules.flatMap(({ spec }) => [
    ...withPorts(spec.trafficPolicy),
    ...(spec.subsets ?? []).flatMap(({ trafficPolicy }) => withPorts(trafficPolicy)),
  ]);
  const settings = policies.map(({ loadBalancer }) => loadBalancer?.localityLbSetting);
  const ofMesh = world.mesh.config.localityLbSetting;
  const labels = [...settings, ofMesh].flatMap((setting) => setting?.failoverPriority ?? []);
  const kube = [...services.values()];
  return {
    // By default, localities count as soon as endpoints can be ejected.
    locality:
      policies.some(({ outlierDetection }) => outlierDetection) ||
      [...settings, ofMesh].some(isExplicit) ||
      kube.some(({ spec }) => spec?.trafficDistribution !== undefined),
    node: kube.some(({ spec }) => spec?.internalTrafficPolicy === 'Local'),
    labels: [...new Set(labels.map((label) => label.split('=')[0]!))].sort(),
  };
});

function withPorts(policy: TrafficPolicy | undefined) {
  return policy ? [policy, ...(policy.portLevelSettings ?? [])] : [];
}

function isExplicit(setting: LocalityLoadBalancerSetting | undefined): boolean {
  return Boolean(setting?.distribute?.length || setting?.failover?.length || setting?.failoverPriority?.length);
}
