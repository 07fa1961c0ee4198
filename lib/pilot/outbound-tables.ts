/** Which services are found at which address and port: what outbound listeners and routes are made from. */
import {
  endpointsOf,
  isHttp,
  isTls,
  keyOf,
  partsOf,
  type Service,
  type ServicePort,
  table,
  type World,
} from '../world';
import { VIRTUAL_INBOUND_PORT, VIRTUAL_OUTBOUND_PORT, WILDCARD_ADDRESS } from './names';

/** By the viewer's namespace and a port: the services with HTTP on it. */
export const httpServicesTable = table<readonly Service[]>('http services', (world, key) => {
  const [namespace, port] = partsOf(key, 2);
  return world
    .visibleServices(namespace)
    .filter(({ ports }) => ports.some(({ number, protocol }) => number === Number(port) && isHttp(protocol)));
});

/** By the viewer's namespace: the ports on which any service speaks HTTP, sorted. */
export const httpPortsTable = table<readonly number[]>('http ports', (world, namespace) => {
  const ports = new Set<number>();
  for (const service of world.visibleServices(namespace)) {
    for (const { number, protocol } of service.ports) if (isHttp(protocol)) ports.add(number);
  }
  return [...ports].sort((a, b) => a - b);
});

/** By the viewer's namespace: `address|port` of every outbound listener under transparent capture, sorted. */
export const bindingsTable = table<readonly string[]>('bindings', (world, namespace) =>
  [...allBindings(world, namespace).keys()].sort(),
);

/** By the viewer's namespace, an address and a port: the services that are not HTTP there, by host name. */
export const opaqueServicesTable = table<readonly Service[]>('opaque services', (world, key) => {
  const [namespace, binding] = partsOf(key, 2);
  return allBindings(world, namespace).get(binding) ?? [];
});

const bindingMaps = table<ReadonlyMap<string, Service[]>>('binding maps', (world, namespace) => {
  const bindings = new Map<string, Service[]>();
  const at = (address: string, port: number) => {
    const key = keyOf(address, port);
    let services = bindings.get(key);
    if (!services) {
      services = [];
      bindings.set(key, services);
    }
    return services;
  };
  for (const service of world.visibleServices(namespace)) {
    for (const port of service.ports) {
      // Envoy refuses a second listener at the address of a first.
      if (port.number === VIRTUAL_OUTBOUND_PORT || port.number === VIRTUAL_INBOUND_PORT) continue;
      if (isHttp(port.protocol)) at(WILDCARD_ADDRESS, port.number);
      else if (port.protocol !== 'UDP') {
        for (const address of addressesOf(world, service, port)) at(address, port.number).push(service);
      }
    }
  }
  return bindings;
});

function allBindings(world: World, namespace: string): ReadonlyMap<string, Service[]> {
  return world.read(bindingMaps, namespace);
}

/** Where clients connect to: the virtual addresses, or the endpoints' own, or (by server name, block, or at all) anywhere. */
function addressesOf(world: World, service: Service, port: ServicePort): Iterable<string> {
  const addresses = service.addresses.filter((address) => !address.includes('/'));
  if (addresses.length < service.addresses.length) return [...addresses, WILDCARD_ADDRESS];
  if (addresses.length > 0) return addresses;
  if (service.headless && !isTls(port.protocol)) {
    return new Set(endpointsOf(world, service, port).map(({ address }) => address));
  }
  return [WILDCARD_ADDRESS];
}
