/** DestinationRules are about services that there are, and their subsets have workloads. */

import { isOfKind } from '../../api/kinds';
import { DestinationRule, type Subset } from '../../api/networking/destination-rule';
import { ServiceEntry } from '../../api/networking/service-entry';
import { WorkloadEntry } from '../../api/networking/workload-entry';
import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { nearest } from '../nearest';
import type { Analysis } from './analysis';
import { carries, type Labels } from './label-selector';
import { namespaceOf } from './names';
import type { KnownHost } from './registry';

const NAME = 'destinationrule.PodNotSelectedAnalyzer';

export function podNotSelected(analysis: Analysis): Finding[] {
  const nodes = new Map(analysis.of('/Node').map((node) => [node.metadata.name, node]));
  const entries = new Map<string, WorkloadEntry[]>();
  for (const entry of analysis.of<WorkloadEntry>(WorkloadEntry)) {
    const list = entries.get(namespaceOf(entry)) ?? [];
    list.push(entry);
    entries.set(namespaceOf(entry), list);
  }
  const labels = workloadLabels(analysis, nodes, entries);
  return analysis.of<DestinationRule>(DestinationRule).flatMap((rule) => {
    const hosts = hostsOf(analysis, rule);
    if (hosts.length === 0) {
      return [unknownHost(analysis, rule)];
    }
    return (rule.spec.subsets ?? []).flatMap((subset, index) => {
      const found = hosts.some((host) => labels(host).some((own) => carries(own, subset.labels)));
      return found ? [] : [emptySubset(rule, subset, index)];
    });
  });
}

function hostsOf(analysis: Analysis, rule: DestinationRule): readonly KnownHost[] {
  const namespace = namespaceOf(rule);
  const { host, exportTo } = rule.spec;
  if (host.startsWith('*')) {
    return analysis.registry.overlapping(host, namespace);
  }
  const known = analysis.registry.lookup(host, namespace, exportTo);
  return known ? [known] : [];
}

/** The labels of each workload of a service, with where its node is, as the registry has them. */
function workloadLabels(
  analysis: Analysis,
  nodes: ReadonlyMap<string, KubeObject>,
  entries: ReadonlyMap<string, readonly WorkloadEntry[]>,
): (host: KnownHost) => readonly Labels[] {
  const known = new Map<KubeObject, readonly Labels[]>();
  return (host) => {
    let labels = known.get(host.object);
    if (!labels) {
      labels = [
        ...(host.selector || !isOfKind(host.object, ServiceEntry) ? selected(analysis, host, nodes) : []),
        ...outside(host, entries),
      ];
      known.set(host.object, labels);
    }
    return labels;
  };
}

function selected(analysis: Analysis, host: KnownHost, nodes: ReadonlyMap<string, KubeObject>): Labels[] {
  return analysis.workloads
    .matching(host.selector, host.namespace)
    .map(({ labels, spec }) => ({ ...labels, ...placeOf(nodes.get(spec.nodeName ?? '')) }));
}

const PLACES = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone'];

function placeOf(node: KubeObject | undefined): Labels {
  if (!node) {
    return {};
  }
  const labels = PLACES.flatMap((name) => {
    const value = node.metadata.labels?.[name];
    return value ? [[name, value]] : [];
  });
  return { ...Object.fromEntries(labels), 'kubernetes.io/hostname': node.metadata.name };
}

/** Workloads that are no Pods: those that the ServiceEntry lists, and WorkloadEntries that it selects. */
function outside(host: KnownHost, entries: ReadonlyMap<string, readonly WorkloadEntry[]>): Labels[] {
  if (!isOfKind(host.object, ServiceEntry)) {
    return (entries.get(host.namespace) ?? [])
      .filter((entry) => host.selector && carries(entry.spec.labels ?? {}, host.selector))
      .map((entry) => entry.spec.labels ?? {});
  }
  const { endpoints, workloadSelector } = (host.object as ServiceEntry).spec;
  const listed = (endpoints ?? []).map((endpoint) => endpoint.labels ?? {});
  const chosen = workloadSelector
    ? (entries.get(host.namespace) ?? [])
        .map((entry) => entry.spec.labels ?? {})
        .filter((labels) => carries(labels, workloadSelector.labels))
    : [];
  return [...listed, ...chosen];
}

function unknownHost(analysis: Analysis, rule: DestinationRule): Finding {
  const near = nearest(rule.spec.host, analysis.registry.visibleIn(namespaceOf(rule)));
  const message = `there is no service ${rule.spec.host}${near ? `, did you mean ${near}?` : ''}`;
  return findingAbout(rule, 'IST0174', NAME, { path: 'spec.host', message, ...(near ? { fix: `write ${near}` } : {}) });
}

function emptySubset(rule: DestinationRule, subset: Subset, index: number): Finding {
  const labels = Object.entries(subset.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const what = labels.length > 0 ? `with the labels ${labels.join(', ')}` : 'at all';
  const message = `the subset ${subset.name} is empty, ${rule.spec.host} has no workload ${what}`;
  return findingAbout(rule, 'IST0173', NAME, { path: `spec.subsets[${index}]`, message });
}
