/**
 * All of Consul's services, watched: the catalog for their names, and one health query for each. Nothing is told before every service
 * has been heard once, and what was healthy stays while Consul is away, resets, or comes back with less than it had.
 */
import type { KubeObject } from '../../api/object';
import type { ReflectorClock } from '../kubernetes/reflector';
import { systemClock } from '../kubernetes/watch';
import { BlockingQuery } from './blocking-query';
import type { Consul, ConsulAnswer } from './client';
import { type Evidence, HeldSet } from './held-set';
import { type Instance, readInstances } from './instance';
import { hostOf, serviceEntryOf } from './service-entry';

export interface ConsulWatchOptions {
  readonly consul: Consul;
  /** Default: the agent's own, whose services are called `NAME.service.consul`; others are `NAME.service.DC.consul`. */
  readonly datacenters?: readonly string[];
  /** The namespace that the services' objects are in. Default: `consul`. */
  readonly namespace?: string;
  /** All objects there are, each time some have changed. */
  readonly onChange: (objects: readonly KubeObject[]) => void;
  /** A query fails, or its answer is doubted; undefined: it goes well again. Told when it changes. */
  readonly onTrouble?: (query: string, trouble: string | undefined) => void;
  readonly clock?: ReflectorClock;
  readonly random?: () => number;
}

/** One query, for metrics and status. */
export interface ConsulStatus {
  readonly resource: string;
  readonly objects: number;
  /** What stays in force although the newest answer leaves it out. */
  readonly held: number;
  readonly isWhole: boolean;
  readonly trouble?: string;
}

/** Each service costs a connection that waits. */
const MOST_SERVICES = 5000;
/** Changes that come together make one World. */
const GATHER_MS = 1;

/** One query and what is believed of its answers. */
interface Followed<T> {
  readonly title: string;
  readonly datacenter?: string;
  readonly set: HeldSet<T>;
  query?: BlockingQuery;
  isWhole: boolean;
  /** Whether the token hid something in the last answer that was not doubted. */
  wasFiltered?: boolean;
  trouble?: string;
}

interface FollowedService extends Followed<Instance> {
  readonly name: string;
  readonly host: string;
  entry?: KubeObject;
}

interface Catalog extends Followed<true> {
  readonly services: Map<string, FollowedService>;
}

export class ConsulWatch {
  /** Resolves when every service has been heard once and the first objects were told. Waits as long as that takes. */
  readonly whole: Promise<void>;
  private told: () => void = () => undefined;
  private closed = false;
  private pending: (() => void) | undefined;
  private readonly catalogs: Catalog[];
  private readonly clock: ReflectorClock;

  constructor(private readonly options: ConsulWatchOptions) {
    this.clock = options.clock ?? systemClock;
    this.whole = new Promise((resolve) => {
      this.told = resolve;
    });
    const { datacenters } = options;
    this.catalogs = (datacenters?.length ? datacenters : [undefined]).map((datacenter) => ({
      title: titled('catalog', datacenter),
      datacenter,
      set: new HeldSet<true>('named'),
      services: new Map(),
      isWhole: false,
    }));
    for (const catalog of this.catalogs) {
      this.follow(catalog, '/v1/catalog/services', (answer, evidence) => {
        const { names, trouble } = readNames(answer.body, catalog.datacenter);
        const found = new Map([...names.keys()].map((name) => [name, true as const]));
        if (catalog.set.take(found, evidence) || !catalog.isWhole) this.followServices(catalog);
        return trouble;
      });
    }
  }

  /** Stops watching. Nothing is told after it. */
  close(): void {
    this.closed = true;
    this.pending?.();
    for (const { query } of this.all()) query?.stop();
  }

  status(): ConsulStatus[] {
    return this.all().map(({ title, set, isWhole, trouble }) => {
      return { resource: title, objects: set.values.size, held: set.held.size, isWhole, trouble };
    });
  }

  private all(): Followed<unknown>[] {
    return this.catalogs.flatMap((catalog) => [catalog, ...catalog.services.values()]);
  }

  private follow<T>(
    followed: Followed<T>,
    path: string,
    take: (answer: ConsulAnswer, evidence: Evidence) => string | undefined,
  ): void {
    const { consul, random } = this.options;
    followed.query = new BlockingQuery({
      consul,
      path,
      datacenter: followed.datacenter,
      clock: this.clock,
      random,
      onFailure: (error) => this.note(followed, error.message),
      onAnswer: (answer, wentBack) => {
        // A token that has lost rights looks like services that are gone.
        const isSound = answer.hasLeader && !(answer.isFiltered && followed.wasFiltered === false);
        const trouble = take(answer, { now: this.clock.now(), wentBack, isSound });
        const held = followed.set.held.size;
        if (held === 0 && isSound) followed.wasFiltered = answer.isFiltered;
        followed.isWhole = true;
        this.note(followed, held > 0 ? doubt(followed) : trouble);
        this.changed();
        return held > 0;
      },
    });
    followed.query.start();
  }

  private followServices(catalog: Catalog): void {
    const { services, datacenter } = catalog;
    for (const [name, service] of services) {
      if (catalog.set.values.has(name)) continue;
      service.query?.stop();
      this.note(service, undefined);
      services.delete(name);
    }
    for (const name of catalog.set.values.keys()) {
      if (services.has(name)) continue;
      const host = hostOf({ name, datacenter })!;
      const title = titled(`service ${name}`, datacenter);
      const service: FollowedService = {
        name,
        host,
        title,
        datacenter,
        set: new HeldSet('replaceable'),
        isWhole: false,
      };
      services.set(name, service);
      this.follow(service, `/v1/health/service/${encodeURIComponent(name)}`, (answer, evidence) => {
        const { healthy, withdrawn, unusable } = readInstances(answer.body);
        if (service.set.take(healthy, { ...evidence, withdrawn })) this.describe(service);
        return unusable > 0
          ? `${unusable} instances are left out: their address is no IP that others reach, or they have no port`
          : undefined;
      });
    }
  }

  /** A service that has lost all instances keeps its port, so that its clients hear 503 and not that nobody knows it. */
  private describe(service: FollowedService): void {
    const { name, host, datacenter, set } = service;
    const entry = serviceEntryOf({ name, datacenter, instances: set.values }, host, this.options.namespace ?? 'consul');
    if (entry) service.entry = entry;
    else if (service.entry)
      service.entry = { ...service.entry, spec: { ...(service.entry.spec as object), endpoints: [] } };
  }

  private note(followed: Followed<unknown>, trouble: string | undefined): void {
    if (this.closed || followed.trouble === trouble) return;
    followed.trouble = trouble;
    this.options.onTrouble?.(followed.title, trouble);
  }

  private changed(): void {
    if (this.closed || this.pending || !this.all().every(({ isWhole }) => isWhole)) return;
    this.pending = this.clock.after(GATHER_MS, () => {
      this.pending = undefined;
      if (this.closed || !this.all().every(({ isWhole }) => isWhole)) return;
      const services = this.catalogs.flatMap((catalog) => [...catalog.services.values()]);
      const sorted = services.sort(({ host: a }, { host: b }) => (a < b ? -1 : 1));
      this.options.onChange(sorted.flatMap(({ entry }) => entry ?? []));
      this.told();
    });
  }
}

/** Consul's own servers are no service of the mesh. */
const OWN = 'consul';

/** The names that DNS could have, one of each spelling. @throws Error when the answer is no object. */
function readNames(body: unknown, datacenter?: string): { names: ReadonlyMap<string, string>; trouble?: string } {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Error('an object of services was expected');
  const hosts = new Set<string>();
  const names = new Map<string, string>();
  let left = 0;
  for (const name of Object.keys(body).sort()) {
    if (name === OWN) continue;
    const host = hostOf({ name, datacenter });
    if (host === undefined || hosts.has(host) || names.size >= MOST_SERVICES) {
      left++;
      continue;
    }
    hosts.add(host);
    names.set(name, host);
  }
  const trouble = `${left} services are left out: no DNS name, a name that differs only in case, or beyond ${MOST_SERVICES}`;
  return { names, trouble: left > 0 ? trouble : undefined };
}

function doubt({ set }: Followed<unknown>): string {
  return `the newest answer leaves out ${set.held.size} of ${set.values.size}, which stay in force until that has stood for a minute`;
}

function titled(what: string, datacenter: string | undefined): string {
  return datacenter ? `consul ${what} (${datacenter})` : `consul ${what}`;
}
