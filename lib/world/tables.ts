/**
 * The questions that a World answers. Each one is a small function from the inventory (and other answers) to something
 * whose identity stands for its content; `view.ts` gives them convenient names.
 */
import type { Gateway, MeshConfig, ProxyConfig, Telemetry, WorkloadEntry } from '../api';
import type { ConfigMap, EndpointSlice, Pod, Secret } from '../api/kubernetes';
import { type BackendTls, type Conversion, convert } from './gateway-api';
import { type ConvertedIngresses, convertIngresses } from './ingress';
import { type Labels, selects } from './labels';
import { keyOf, partsOf, type Table, table } from './reads';
import type { Service } from './service';
import { allServicesTable } from './visible-services';
import type { World } from './world';

const none: readonly never[] = Object.freeze([]);

/** What the Gateway API amounts to. */
export const gatewayApiTable = table<Conversion>('gateway api', (world) => convert(world.inventory));

/** What the Ingresses of Kubernetes amount to. */
export const ingressTable = table<ConvertedIngresses>('ingresses', (world) =>
  convertIngresses(world.inventory, world.mesh.config, world.mesh.rootNamespace),
);

/** By host name and port of a Service: the TLS that a BackendTLSPolicy asks for. */
export const backendTlsTable = table<BackendTls | undefined>('backend tls', (world, key) => {
  const [hostname, port] = partsOf(key, 2);
  return world.read(gatewayApiTable, '').backendTls.byHost.get(hostname)?.get(Number(port));
});

/** The hosts that BackendTLSPolicies are for, and the ports, each as the key of `backendTlsTable`. */
export const backendTlsKeysTable = table<readonly string[]>('keys of backend tls', (world) =>
  [...world.read(gatewayApiTable, '').backendTls.byHost].flatMap(([hostname, ports]) =>
    [...ports.keys()].map((port) => keyOf(hostname, port)),
  ),
);

/** By namespace and name of a Gateway: the credential that it shows to backends; empty where it has none. */
export const backendCertificateTable = table<string>('backend certificate', (world, key) => {
  const [namespace, name] = partsOf(key, 2);
  const prepared = world
    .read(gatewayApiTable, '')
    .gateways.find(
      ({ gateway: { metadata } }) => metadata.name === name && (metadata.namespace ?? 'default') === namespace,
    );
  return prepared?.backendCertificate?.name ?? '';
});

export const meshConfigTable = table<MeshConfig>('mesh config', (world) => world.mesh.config);

export const revisionTable = table<string>('revision', (world) => world.mesh.revision);
export const rootNamespaceTable = table<string>('root namespace', (world) => world.mesh.rootNamespace);

export const podTable = table<Pod | undefined>('pod', (world, key) => world.inventory.pods.get(key));

export const podsTable = table<readonly Pod[]>(
  'pods',
  (world, key) => world.inventory.podsByNamespace.get(key) ?? none,
);

export const slicesTable = table<readonly EndpointSlice[]>(
  'slices',
  (world, key) => world.inventory.slices.get(key) ?? none,
);

export const workloadEntriesTable = table<readonly WorkloadEntry[]>(
  'workload entries',
  (world, key) => world.inventory.workloadEntries.get(key) ?? none,
);

export const configMapTable = table<ConfigMap | undefined>('config map', (world, key) =>
  world.inventory.configMaps.get(key),
);

export const secretTable = table<Secret | undefined>('secret', (world, key) => world.inventory.secrets.get(key));

/** Oldest first. */
export const telemetriesTable = table<readonly Telemetry[]>(
  'telemetries',
  (world, key) => world.inventory.telemetries.get(key) ?? none,
);

/** Oldest first. */
export const proxyConfigsTable = table<readonly ProxyConfig[]>(
  'proxy configs',
  (world, key) => world.inventory.proxyConfigs.get(key) ?? none,
);

/** By the service's own key: the same for whoever looks. */
export const serviceByKeyTable = table<Service | undefined>('service by key', (world, key) =>
  world.read(servicesByKey, '').get(key),
);

const servicesByKey: Table<ReadonlyMap<string, Service>> = table(
  'services by key',
  (world) => new Map(world.read(allServicesTable, '').map((service) => [service.key, service])),
);

/** By namespace and labels (as JSON) of a workload: the services that it stands behind. */
export const servicesOfWorkloadTable = table<readonly Service[]>('services of workload', (world, key) => {
  const [namespace, json] = partsOf(key, 2);
  const labels = JSON.parse(json) as Labels;
  return world
    .read(allServicesTable, '')
    .filter((service) => service.namespace === namespace && service.selector && selects(service.selector, labels));
});

/**
 * By namespace and labels (as JSON) of a gateway workload: the Gateways that select it, oldest first. Written ones select
 * in all namespaces, as that of Ingresses does, those of the Gateway API in their own.
 */
export const gatewaysTable = table<readonly Gateway[]>('gateways', (world, key) => {
  const [namespace, json] = partsOf(key, 2);
  const labels = JSON.parse(json) as Labels;
  const converted = world
    .read(gatewayApiTable, '')
    .istioGateways.filter((each) => each.metadata.namespace === namespace);
  const ofIngresses = world.read(ingressTable, '').gateways;
  return [...world.inventory.gateways, ...converted, ...ofIngresses].filter((object) =>
    selects(object.spec.selector, labels),
  );
});

/** The label keys by which VirtualServices and Telemetries tell workloads apart, sorted. */
export const distinguishingLabelsTable = table<readonly string[]>('distinguishing labels', (world: World) => {
  const keys = new Set<string>();
  const note = (labels: Labels | undefined) => {
    for (const key in labels) keys.add(key);
  };
  for (const { spec } of world.inventory.virtualServices) {
    for (const route of [...(spec.http ?? []), ...(spec.tls ?? []), ...(spec.tcp ?? [])]) {
      for (const match of route.match ?? []) note(match.sourceLabels);
    }
  }
  for (const objects of world.inventory.telemetries.values()) {
    for (const object of objects) note(object.spec?.selector?.matchLabels);
  }
  return [...keys].sort();
});
