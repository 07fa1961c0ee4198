/**
 * What can be asked of a World, by name. World answers for itself; a recorder (pilot's Evaluation) passes the questions on and
 * writes them down.
 */
import type { DestinationRule, Gateway, MeshConfig, Telemetry, VirtualService, WorkloadEntry } from '../api';
import type { EndpointSlice, Pod, Secret } from '../api/kubernetes';
import { nameKey } from './inventory';
import type { Labels } from './labels';
import { keyOf, type Reader, type Table } from './reads';
import type { Service } from './service';
import * as tables from './tables';

export abstract class WorldView implements Reader {
  abstract read<V>(table: Table<V>, key: string): V;

  /** The mesh configuration; empty where there is none. */
  meshConfig(): MeshConfig {
    return this.read(tables.meshConfigTable, '');
  }

  /** The namespace whose DestinationRules and Telemetries hold for all others. */
  rootNamespace(): string {
    return this.read(tables.rootNamespaceTable, '');
  }

  /** All services that `namespace` sees, one per host name, sorted by it. */
  visibleServices(namespace: string): readonly Service[] {
    return this.read(tables.visibleServicesTable, namespace);
  }

  /** The service of that complete host name, as `namespace` sees it. */
  service(namespace: string, hostname: string): Service | undefined {
    return this.read(tables.serviceTable, keyOf(namespace, hostname));
  }

  /** The service of that key, whoever may see it. */
  serviceByKey(key: string): Service | undefined {
    return this.read(tables.serviceByKeyTable, key);
  }

  /** The services that a workload with these labels stands behind. */
  servicesOfWorkload(namespace: string, labels: Labels): readonly Service[] {
    return this.read(tables.servicesOfWorkloadTable, keyOf(namespace, labelsKey(labels)));
  }

  /** The EndpointSlices of a Kubernetes Service, sorted by name. */
  slices(namespace: string, service: string): readonly EndpointSlice[] {
    return this.read(tables.slicesTable, nameKey(namespace, service));
  }

  pod(namespace: string, name: string): Pod | undefined {
    return this.read(tables.podTable, nameKey(namespace, name));
  }

  /** The Pods of a namespace, sorted by name. */
  pods(namespace: string): readonly Pod[] {
    return this.read(tables.podsTable, namespace);
  }

  /** The WorkloadEntries of a namespace, sorted by name. */
  workloadEntries(namespace: string): readonly WorkloadEntry[] {
    return this.read(tables.workloadEntriesTable, namespace);
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.read(tables.secretTable, nameKey(namespace, name));
  }

  /** The Telemetries of a namespace, oldest first. */
  telemetries(namespace: string): readonly Telemetry[] {
    return this.read(tables.telemetriesTable, namespace);
  }

  /** By its own name, whatever it is for. */
  virtualService(namespace: string, name: string): VirtualService | undefined {
    return this.read(tables.virtualServiceTable, nameKey(namespace, name));
  }

  /** The VirtualServices bound to `gateway` (`mesh`, or `namespace/name`) that `namespace` sees, oldest first. */
  virtualServices(namespace: string, gateway: string): readonly VirtualService[] {
    return this.read(tables.virtualServicesTable, keyOf(namespace, gateway));
  }

  /** The VirtualService that rules a host for the sidecars of `namespace`. */
  virtualServiceFor(namespace: string, hostname: string): VirtualService | undefined {
    return this.read(tables.virtualServiceForHostTable, keyOf(namespace, hostname));
  }

  /** The DestinationRules for a host, as a client in `namespace` gets them; several are of one host, oldest first. */
  destinationRules(namespace: string, hostname: string): readonly DestinationRule[] {
    return this.read(tables.destinationRulesTable, keyOf(namespace, hostname));
  }

  /** By its own name, whatever it is for. */
  destinationRule(namespace: string, name: string): DestinationRule | undefined {
    return this.read(tables.destinationRuleTable, nameKey(namespace, name));
  }

  /** The Gateways of all namespaces that select a workload with these labels, oldest first. */
  gateways(labels: Labels): readonly Gateway[] {
    return this.read(tables.gatewaysTable, labelsKey(labels));
  }

  /** The label keys by which any object tells clients apart; workloads that agree on them see the same World. */
  distinguishingLabels(): readonly string[] {
    return this.read(tables.distinguishingLabelsTable, '');
  }
}

/** Labels as text, in a fixed order. */
export function labelsKey(labels: Labels): string {
  const sorted: Record<string, string> = {};
  for (const key of Object.keys(labels).sort()) sorted[key] = labels[key]!;
  return JSON.stringify(sorted);
}
