/**
 * A mesh of a few hosts that is edited at random, and what each of its states allows. Every state is valid: routes name
 * subsets that exist and have endpoints. How one state follows the other is up to chance alone.
 */
import type { DestinationRule, HTTPRoute, VirtualService } from '../../lib/api';
import type { KubeObject } from '../../lib/api/object';
import { destinationRule, gateway, pod, service, slice, virtualService } from '../world/sample';

export const VERSIONS = ['v1', 'v2', 'v3'] as const;
export type Version = (typeof VERSIONS)[number];

interface Host {
  /** Name of a subset → the version that it picks. */
  readonly subsets: Readonly<Record<string, Version>>;
  /** Subsets with weights, for requests with the canary header and for all others; undefined: no VirtualService. */
  readonly routes?: {
    readonly canary: Readonly<Record<string, number>>;
    readonly rest: Readonly<Record<string, number>>;
  };
  /** How many endpoints of each version are listed: 1 to MOST_ENDPOINTS. */
  readonly endpoints: Readonly<Record<Version, number>>;
  /** Settings that change the clusters themselves. */
  readonly policy: NonNullable<DestinationRule['spec']['trafficPolicy']>;
}

export const MOST_ENDPOINTS = 3;
export const SERVER_PORT_NAME = 'http';

/** Numbers from 0 to below 1 that a seed decides (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class EditedMesh {
  private readonly hosts: Host[];
  private names = 0;

  constructor(
    count: number,
    private readonly random: () => number,
    /** The address of an endpoint. */
    private readonly addressOf: (host: number, version: Version, index: number) => string,
    private readonly port: number,
  ) {
    this.hosts = Array.from({ length: count }, () => ({
      subsets: { one: 'v1', two: 'v2' },
      routes: { canary: { two: 1 }, rest: { one: 1 } },
      endpoints: { v1: 1, v2: 1, v3: 1 },
      policy: { loadBalancer: { simple: 'LEAST_REQUEST' } },
    }));
  }

  /** The versions that may answer a request now. */
  allowed(host: number, isCanary: boolean): ReadonlySet<string> {
    const { routes, subsets } = this.hosts[host]!;
    if (!routes) return new Set(VERSIONS);
    const targets = isCanary ? routes.canary : routes.rest;
    return new Set(Object.keys(targets).map((subset) => subsets[subset]!));
  }

  /** One edit of one of these hosts. @returns which, and what kind of edit. */
  edit(hosts: readonly number[]): { host: number; kind: string } {
    const at = pick(hosts, this.random);
    const edits = [reroute, addSubset, removeSubset, relabel, scale, retune, toggleRoutes];
    const chosen = edits[Math.floor(this.random() * edits.length)]!;
    this.hosts[at] = chosen(this.hosts[at]!, this.random, () => `s${++this.names}`);
    return { host: at, kind: chosen.name };
  }

  objects(): KubeObject[] {
    return [...this.hosts.flatMap((host, i) => this.objectsOf(host, i)), EDGE];
  }

  private objectsOf({ subsets, routes, endpoints, policy }: Host, i: number): KubeObject[] {
    const name = hostName(i);
    const listed = VERSIONS.flatMap((version) =>
      Array.from({ length: endpoints[version] }, (_, n) => ({ version, address: this.addressOf(i, version, n) })),
    );
    const pods = VERSIONS.flatMap((version) =>
      Array.from({ length: MOST_ENDPOINTS }, (_, n) =>
        pod(`${name}-${version}-${n}`, 'shop', { app: name, version }, this.addressOf(i, version, n)),
      ),
    );
    const endpointSlice = slice(name, 'shop', [], this.port);
    const rule = destinationRule(name, 'shop', {
      host: name,
      trafficPolicy: policy,
      subsets: Object.entries(subsets).map(([subset, version]) => ({ name: subset, labels: { version } })),
    });
    return [
      service(name, 'shop', { ports: [{ name: SERVER_PORT_NAME, port: 80, targetPort: this.port }] }),
      ...pods,
      {
        ...endpointSlice,
        endpoints: listed.map(({ version, address }) => {
          const target = pods.find(
            ({ metadata, status }) => metadata.labels?.version === version && status?.podIP === address,
          )!;
          return { addresses: [address], targetRef: { kind: 'Pod', name: target.metadata.name, namespace: 'shop' } };
        }),
      },
      rule,
      this.virtualServiceOf(name, routes),
    ];
  }

  /** Without routes the sidecar has no VirtualService; the gateway, which serves nothing by itself, has a plain one. */
  private virtualServiceOf(name: string, routes: Host['routes']): VirtualService {
    if (!routes) {
      const http = [{ retries: { attempts: 0 }, route: [{ destination: { host: name } }] }];
      return virtualService(name, 'shop', { hosts: [`${name}.example`], gateways: ['edge'], http });
    }
    const { canary, rest } = routes;
    const to = (targets: Readonly<Record<string, number>>) =>
      Object.entries(targets).map(([subset, weight]) => ({ destination: { host: name, subset }, weight }));
    const http: HTTPRoute[] = [
      { match: [{ headers: { 'x-canary': { exact: 'yes' } } }], retries: { attempts: 0 }, route: to(canary) },
      { retries: { attempts: 0 }, route: to(rest) },
    ];
    return virtualService(name, 'shop', {
      hosts: [name, `${name}.example`],
      gateways: ['mesh', 'edge'],
      http,
    });
  }
}

export function hostName(index: number): string {
  return `host-${index}`;
}

const EDGE = gateway('edge', 'shop', {
  selector: { istio: 'edge' },
  servers: [{ port: { number: 8080, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
});

type Edit = (host: Host, random: () => number, newName: () => string) => Host;

function pick<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)]!;
}

/** One to three of the subsets, with weights from 1 to 99. */
function split(subsets: readonly string[], random: () => number): Record<string, number> {
  const count = 1 + Math.floor(random() * 3);
  const chosen = Array.from({ length: count }, () => pick(subsets, random));
  return Object.fromEntries(chosen.map((name) => [name, 1 + Math.floor(random() * 99)]));
}

const reroute: Edit = (host, random) => {
  const names = Object.keys(host.subsets);
  return { ...host, routes: { canary: split(names, random), rest: split(names, random) } };
};

/** A new subset that requests go to at once. */
const addSubset: Edit = (host, random, newName) => {
  const name = newName();
  const subsets = { ...host.subsets, [name]: pick(VERSIONS, random) };
  const kept = Object.entries(subsets).slice(-6);
  return reroute({ ...host, subsets: Object.fromEntries(kept) }, random, newName);
};

/** In one commit a subset goes, and the routes leave it. */
const removeSubset: Edit = (host, random, newName) => {
  const names = Object.keys(host.subsets);
  if (names.length < 2) return addSubset(host, random, newName);
  const gone = pick(names, random);
  const subsets = Object.fromEntries(Object.entries(host.subsets).filter(([name]) => name !== gone));
  return host.routes ? reroute({ ...host, subsets }, random, newName) : { ...host, subsets };
};

/** A subset keeps its name and picks another version. */
const relabel: Edit = (host, random) => {
  const name = pick(Object.keys(host.subsets), random);
  return { ...host, subsets: { ...host.subsets, [name]: pick(VERSIONS, random) } };
};

const scale: Edit = (host, random) => {
  const version = pick(VERSIONS, random);
  return { ...host, endpoints: { ...host.endpoints, [version]: 1 + Math.floor(random() * MOST_ENDPOINTS) } };
};

const retune: Edit = (host, random) => ({
  ...host,
  policy: {
    connectionPool: { tcp: { connectTimeout: `${1 + Math.floor(random() * 9)}s` } },
    loadBalancer: { simple: pick(['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM'] as const, random) },
  },
});

/** Without a VirtualService, all endpoints of the host take turns. */
const toggleRoutes: Edit = (host, random, newName) =>
  host.routes ? { ...host, routes: undefined } : reroute(host, random, newName);
