/** Which services are found at which address and port: what outbound listeners and routes are made from. */
import {
  endpointsOf,
  isHttp,
  isSniffed,
  isTls,
  keyOf,
  partsOf,
  type Service,
  type ServicePort,
  table,
  type World,
} from '../world';
import { VIRTUAL_INBOUND_PORT, VIRTUAL_OUTBOUND_PORT, WILDCARD_ADDRESS } from './names';

interface Ports {
  /** By port: the services whose requests there are told apart by their authority. */
  readonly http: ReadonlyMap<number, readonly Service[]>;
  /** By port: the services with anything else on it, or with what has to be found out. */
  readonly opaque: ReadonlyMap<number, readonly Service[]>;
  /** By port: the services of which it has to be found out, and that have addresses of their own. */
  readonly sniffed: ReadonlyMap<number, readonly Service[]>;
}

const portsTable = table<Ports>('ports', (world, viewer) => {
  const http = new Map<number, Service[]>();
  const opaque = new Map<number, Service[]>();
  const sniffed = new Map<number, Service[]>();
  for (const service of world.visibleServices(viewer)) {
    for (const { number, protocol } of service.ports) {
      if (isHttp(protocol)) append(http, number, service);
      else if (protocol !== 'UDP') append(opaque, number, service);
      if (isSniffed(protocol)) append(hasOwnAddresses(service) ? sniffed : http, number, service);
    }
  }
  return { http, opaque, sniffed };
});

function append<K>(lists: Map<K, Service[]>, key: K, service: Service): void {
  const list = lists.get(key);
  if (!list) lists.set(key, [service]);
  else if (list.at(-1) !== service) list.push(service);
}

/** Connections to it are told from others by their address. */
export function hasOwnAddresses({ addresses, headless }: Service): boolean {
  return headless || (addresses.length > 0 && !addresses.some((address) => address.includes('/')));
}

/** By viewer and port: the services whose requests there are told apart by their authority. */
export const httpServicesTable = table<readonly Service[]>('http services', (world, key) => {
  const [viewer, port] = partsOf(key, 2);
  return world.read(portsTable, viewer).http.get(Number(port)) ?? [];
});

/** By viewer and port: the services with anything else on it, wherever clients connect to them. */
export const opaqueAtPortTable = table<readonly Service[]>('opaque services at port', (world, key) => {
  const [viewer, port] = partsOf(key, 2);
  return world.read(portsTable, viewer).opaque.get(Number(port)) ?? [];
});

/** By viewer and port: the services with addresses of their own, of which it has to be found out whether they speak HTTP. */
export const sniffedServicesTable = table<readonly Service[]>('sniffed services', (world, key) => {
  const [viewer, port] = partsOf(key, 2);
  return world.read(portsTable, viewer).sniffed.get(Number(port)) ?? [];
});

/** By viewer: the ports on which anything has to be found out, sorted. */
export const sniffedPortsTable = table<readonly number[]>('sniffed ports', (world, viewer) =>
  [...world.read(portsTable, viewer).sniffed.keys()].sort((a, b) => a - b),
);

/** By viewer: the ports on which requests are told apart by their authority, sorted. */
export const httpPortsTable = table<readonly number[]>('http ports', (world, viewer) =>
  [...world.read(portsTable, viewer).http.keys()].sort((a, b) => a - b),
);

/** By viewer: `address|port` of every outbound listener under transparent capture, sorted. */
export const bindingsTable = table<readonly string[]>('bindings', (world, viewer) =>
  [...allBindings(world, viewer).keys()].sort(),
);

/** By viewer, an address and a port: the services that are not HTTP there, by host name. */
export const opaqueServicesTable = table<readonly Service[]>('opaque services', (world, key) => {
  const [viewer, binding] = partsOf(key, 2);
  return allBindings(world, viewer).get(binding) ?? [];
});

const bindingMaps = table<ReadonlyMap<string, Service[]>>('binding maps', (world, viewer) => {
  const bindings = new Map<string, Service[]>();
  const { http, opaque } = world.read(portsTable, viewer);
  for (const port of http.keys()) if (!isReserved(port)) bindings.set(keyOf(WILDCARD_ADDRESS, port), []);
  for (const [number, services] of opaque) {
    if (isReserved(number)) continue;
    for (const service of services) {
      const port = service.ports.find((each) => each.number === number)!;
      for (const address of addressesOf(world, service, port)) append(bindings, keyOf(address, number), service);
    }
  }
  return bindings;
});

/** Envoy refuses a second listener at the address of a first. */
function isReserved(port: number): boolean {
  return port === VIRTUAL_OUTBOUND_PORT || port === VIRTUAL_INBOUND_PORT;
}

function allBindings(world: World, viewer: string): ReadonlyMap<string, Service[]> {
  return world.read(bindingMaps, viewer);
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
