/**
 * What can be asked of a World, by name. World answers for itself; a recorder (pilot's Evaluation) passes the questions on and
 * writes them down.
 */
import type {
  AuthorizationPolicy,
  DestinationRule,
  Gateway,
  MeshConfig,
  PeerAuthentication,
  ProxyConfig,
  RateLimit,
  RequestAuthentication,
  Sidecar,
  Telemetry,
  VirtualService,
  WorkloadEntry,
} from '../api';
import type { ConfigMap, EndpointSlice, Pod, Secret } from '../api/kubernetes';
import * as security from './authorization';
import {
  clientCredentialsTable,
  destinationRulesTable,
  destinationRuleTable,
  ruleLabelsTable,
} from './destination-rules';
import { type Extension, extensionsTable, extensionTable } from './envoy-filters';
import type { BackendTls } from './gateway-api';
import { type ImageModule, imageModuleTable } from './image-modules';
import { nameKey } from './inventory';
import type { Labels } from './labels';
import { type PlaceInterest, placeInterestTable } from './locality';
import {
  type MutualTls,
  mutualTlsOf,
  mutualTlsTable,
  peerAuthenticationsTable,
  plainWorkloadsTable,
} from './peer-authentication';
import { keyOf, type Reader, type Table } from './reads';
import type { Service } from './service';
import { serviceAccountsTable } from './service-accounts';
import { sidecarTable } from './sidecars';
import * as tables from './tables';
import { type Viewer, withoutLabels } from './viewer';
import {
  virtualServiceForHostTable,
  virtualServicesForHostTable,
  virtualServicesTable,
  virtualServiceTable,
} from './virtual-services';
import { serviceTable, visibleServicesTable } from './visible-services';

export abstract class WorldView implements Reader {
  abstract read<V>(table: Table<V>, key: string): V;

  /** The mesh configuration; empty where there is none. */
  meshConfig(): MeshConfig {
    return this.read(tables.meshConfigTable, '');
  }

  /** The namespace whose DestinationRules and Telemetries hold for all others. */
  /** Of the control plane whose World it is. */
  revision(): string {
    return this.read(tables.revisionTable, '');
  }

  rootNamespace(): string {
    return this.read(tables.rootNamespaceTable, '');
  }

  /** All services that the viewer sees, one per host name, sorted by it. */
  visibleServices(viewer: Viewer): readonly Service[] {
    return this.read(visibleServicesTable, withoutLabels(viewer));
  }

  /** The service of that complete host name, as the viewer sees it. */
  service(viewer: Viewer, hostname: string): Service | undefined {
    return this.read(serviceTable, keyOf(withoutLabels(viewer), hostname));
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

  /** What of a client's place the translation depends on. */
  placeInterest(): PlaceInterest {
    return this.read(placeInterestTable, '');
  }

  configMap(namespace: string, name: string): ConfigMap | undefined {
    return this.read(tables.configMapTable, nameKey(namespace, name));
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.read(tables.secretTable, nameKey(namespace, name));
  }

  /** The Telemetries of a namespace, oldest first. */
  /** Oldest first. */
  proxyConfigs(namespace: string): readonly ProxyConfig[] {
    return this.read(tables.proxyConfigsTable, namespace);
  }

  telemetries(namespace: string): readonly Telemetry[] {
    return this.read(tables.telemetriesTable, namespace);
  }

  /** The AuthorizationPolicies that hold for a workload with these labels: of the root namespace, then of its own. */
  authorizationPolicies(namespace: string, labels: Labels): readonly AuthorizationPolicy[] {
    return this.read(security.authorizationPoliciesTable, keyOf(namespace, labelsKey(labels)));
  }

  /** By its own name, whatever it is for. */
  authorizationPolicy(namespace: string, name: string): AuthorizationPolicy | undefined {
    return this.read(security.authorizationPolicyTable, nameKey(namespace, name));
  }

  /** The RequestAuthentications that hold for a workload with these labels: of the root namespace, then of its own. */
  requestAuthentications(namespace: string, labels: Labels): readonly RequestAuthentication[] {
    return this.read(security.requestAuthenticationsTable, keyOf(namespace, labelsKey(labels)));
  }

  /** By its own name, whatever it is for. */
  requestAuthentication(namespace: string, name: string): RequestAuthentication | undefined {
    return this.read(security.requestAuthenticationTable, nameKey(namespace, name));
  }

  /** What a workload with these labels takes: plain traffic, mutual TLS, or both. */
  mutualTls(namespace: string, labels: Labels): MutualTls {
    return mutualTlsOf(this.read(mutualTlsTable, keyOf(namespace, labelsKey(labels))));
  }

  /** The PeerAuthentications that speak for a workload with these labels, the most particular first. */
  peerAuthentications(namespace: string, labels: Labels): readonly PeerAuthentication[] {
    return this.read(peerAuthenticationsTable, keyOf(namespace, labelsKey(labels)));
  }

  /** Whether any PeerAuthentication has workloads take plain traffic only. */
  hasPlainWorkloads(): boolean {
    return this.read(plainWorkloadsTable, '');
  }

  /** The accounts of the workloads behind a service, by its key: `namespace/account`, sorted. */
  serviceAccounts(key: string): readonly string[] {
    return this.read(serviceAccountsTable, key);
  }

  /** The RateLimits that hold for a workload with these labels: of the root namespace, then of its own. */
  rateLimits(namespace: string, labels: Labels): readonly RateLimit[] {
    return this.read(security.rateLimitsTable, keyOf(namespace, labelsKey(labels)));
  }

  /** By its own name, whatever it is for. */
  rateLimit(namespace: string, name: string): RateLimit | undefined {
    return this.read(security.rateLimitTable, nameKey(namespace, name));
  }

  /** By its own name, whatever it is for. */
  virtualService(namespace: string, name: string): VirtualService | undefined {
    return this.read(virtualServiceTable, nameKey(namespace, name));
  }

  /** The VirtualServices bound to `gateway` (`mesh`, or `namespace/name`) that the viewer sees, oldest first. */
  virtualServices(viewer: Viewer, gateway: string): readonly VirtualService[] {
    return this.read(virtualServicesTable, keyOf(withoutLabels(viewer), gateway));
  }

  /** Those that rule a host for the viewer's sidecars: one that was written, or routes of the Gateway API, oldest first. */
  virtualServicesFor(viewer: Viewer, hostname: string): readonly VirtualService[] {
    return this.read(virtualServicesForHostTable, keyOf(withoutLabels(viewer), hostname));
  }

  /** The VirtualService that rules a host for the viewer's sidecars. */
  virtualServiceFor(viewer: Viewer, hostname: string): VirtualService | undefined {
    return this.read(virtualServiceForHostTable, keyOf(withoutLabels(viewer), hostname));
  }

  /** The DestinationRules for a host, as the viewer gets them; several are of one host, oldest first. */
  destinationRules(viewer: Viewer, hostname: string): readonly DestinationRule[] {
    return this.read(destinationRulesTable, keyOf(viewer, hostname));
  }

  /** The TLS that a BackendTLSPolicy asks for at one port of a Service. */
  backendTls(hostname: string, port: number): BackendTls | undefined {
    return this.read(tables.backendTlsTable, keyOf(hostname, port));
  }

  /** All ports for which `backendTls` has an answer, as `hostname|port`. */
  backendTlsKeys(): readonly string[] {
    return this.read(tables.backendTlsKeysTable, '');
  }

  /** The credential that a Gateway of the Gateway API shows to backends; empty where it has none. */
  backendCertificate(namespace: string, gateway: string): string {
    return this.read(tables.backendCertificateTable, keyOf(namespace, gateway));
  }

  /** Whether any DestinationRule takes a client's certificates from a Secret. */
  hasClientCredentials(): boolean {
    return this.read(clientCredentialsTable, '');
  }

  /** What changes the filters of a workload with these labels, in the order of application. */
  extensions(namespace: string, labels: Labels): readonly Extension[] {
    return this.read(extensionsTable, keyOf(namespace, labelsKey(labels)));
  }

  /** By its own name, `Kind/namespace/name`, whatever it is for. */
  extension(key: string): Extension | undefined {
    return this.read(extensionTable, key);
  }

  /** What there is of the image that an extension names, by the extension's own name, `Kind/namespace/name`. */
  imageModule(key: string): ImageModule | undefined {
    return this.read(imageModuleTable, key);
  }

  /** The Sidecar of a workload with these labels. */
  sidecar(namespace: string, labels: Labels): Sidecar | undefined {
    return this.read(sidecarTable, keyOf(namespace, labelsKey(labels)));
  }

  /** The label keys by which the DestinationRules of a namespace tell its workloads apart. */
  ruleLabels(namespace: string): readonly string[] {
    return this.read(ruleLabelsTable, namespace);
  }

  /** By its own name, whatever it is for. */
  destinationRule(namespace: string, name: string): DestinationRule | undefined {
    return this.read(destinationRuleTable, nameKey(namespace, name));
  }

  /** The Gateways that select a workload of `namespace` with these labels, oldest first. */
  gateways(namespace: string, labels: Labels): readonly Gateway[] {
    return this.read(tables.gatewaysTable, keyOf(namespace, labelsKey(labels)));
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
