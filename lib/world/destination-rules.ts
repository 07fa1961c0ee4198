/** Which DestinationRules hold for a host, as a viewer gets them. */
import type { DestinationRule } from '../api';
import { type ByHost, byHost, mostSpecific } from './host-index';
import { resolveHost } from './hostname';
import { nameKey } from './inventory';
import { type Labels, selects } from './labels';
import { keyOf, partsOf, type Table, table } from './reads';
import { partsOfViewer } from './viewer';
import { isVisible } from './visibility';
import { serviceTable } from './visible-services';

const none: readonly never[] = Object.freeze([]);

/**
 * By viewer and a host name: the DestinationRules that hold, oldest first (several of one host are merged by the
 * reader). They are sought in the client's namespace, then the service's, then the root. Of those found, the ones that
 * select the client's workload go before those for all workloads.
 */
export const destinationRulesTable = table<readonly DestinationRule[]>('destination rules', (world, key) => {
  const [viewer, hostname] = partsOf(key, 2);
  const { namespace, labels } = partsOfViewer(viewer);
  const service = world.read(serviceTable, key);
  const { rootNamespace } = world.mesh;
  // In the root namespace, rules for all namespaces give way to those of the service's.
  const places = namespace === rootNamespace ? [service?.namespace] : [namespace, service?.namespace];
  for (const place of new Set([...places, rootNamespace])) {
    if (place === undefined) continue;
    const found = mostSpecific(hostname, world.read(destinationRuleHosts, keyOf(place, namespace)));
    const holding = found && forWorkload(found, place === namespace, labels);
    if (holding?.length) return holding;
  }
  return none;
});

/** Rules with equal selectors are one; a selector counts in the rule's own namespace only. */
function forWorkload(rules: readonly DestinationRule[], isOwn: boolean, labels: Labels): readonly DestinationRule[] {
  const selectorOf = ({ spec }: DestinationRule) => spec.workloadSelector?.matchLabels;
  if (rules.every((rule) => !selectorOf(rule))) return rules;
  const first = rules.find((rule) => isOwn && selectorOf(rule) && selects(selectorOf(rule), labels));
  const key = first && sortedJson(selectorOf(first)!);
  return rules.filter((rule) => {
    const selector = selectorOf(rule);
    return key === undefined ? !selector : selector && sortedJson(selector) === key;
  });
}

function sortedJson(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort());
}

/** By namespace: the label keys by which its DestinationRules select workloads, sorted. */
export const ruleLabelsTable = table<readonly string[]>('labels of destination rules', (world, namespace) => {
  const rules = world.read(destinationRulesByNamespace, '').get(namespace) ?? none;
  const keys = rules.flatMap(({ spec }) => Object.keys(spec.workloadSelector?.matchLabels ?? {}));
  return [...new Set(keys)].sort();
});

export const clientCredentialsTable = table<boolean>('client credentials', (world) =>
  world.inventory.destinationRules.some(({ spec }) =>
    [spec.trafficPolicy, ...(spec.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)].some(
      (policy) =>
        policy?.tls?.credentialName || policy?.portLevelSettings?.some(({ tls }) => tls?.credentialName !== undefined),
    ),
  ),
);

/** By `namespace/name`. */
export const destinationRuleTable = table<DestinationRule | undefined>('destination rule', (world, key) =>
  world.read(destinationRulesByName, '').get(key),
);

const destinationRulesByName: Table<ReadonlyMap<string, DestinationRule>> = table(
  'destination rules by name',
  (world) =>
    new Map(
      world.inventory.destinationRules.map((object) => [
        nameKey(object.metadata.namespace, object.metadata.name),
        object,
      ]),
    ),
);

const destinationRuleHosts: Table<ByHost<DestinationRule>> = table('destination rule hosts', (world, key) => {
  const [place, viewer] = partsOf(key, 2);
  const fallback = world.mesh.config.defaultDestinationRuleExportTo;
  const objects = (world.read(destinationRulesByNamespace, '').get(place) ?? none).filter((object) =>
    isVisible(object.spec.exportTo, place, viewer, fallback),
  );
  return byHost(objects, (object) => [resolveHost(object.spec.host, place)]);
});

const destinationRulesByNamespace: Table<ReadonlyMap<string, DestinationRule[]>> = table(
  'destination rules by namespace',
  (world) => {
    const byNamespace = new Map<string, DestinationRule[]>();
    for (const object of world.inventory.destinationRules) {
      const { namespace = 'default' } = object.metadata;
      const list = byNamespace.get(namespace);
      if (list) list.push(object);
      else byNamespace.set(namespace, [object]);
    }
    return byNamespace;
  },
);
