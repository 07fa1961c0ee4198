/**
 * Consul's HTTP API, as much of it as discovery needs: one GET that may block until something changes.
 * https://developer.hashicorp.com/consul/api-docs/features/blocking and …/features/consistency
 */
import { boundedRequest } from '../bounded-request';

export interface ConsulOptions {
  /** `http://HOST:PORT` or `https://HOST:PORT` of an agent or server. */
  readonly address: string;
  /** The ACL token; sent as X-Consul-Token, never logged. Default: none, that is Consul's anonymous token. */
  readonly token?: string;
  /** PEM of the authorities that Consul's certificate is checked against. Default: those of Node. */
  readonly ca?: string;
  /**
   * `stale`: any server answers, also while there is no leader; `consistent`: the leader, after it has asked the others.
   * Default: Consul's own default, the leader.
   */
  readonly consistency?: 'default' | 'stale' | 'consistent';
}

export interface ConsulQuery {
  /** The X-Consul-Index of the last answer; undefined: answer at once. */
  readonly index?: string;
  /** How long Consul may keep the request waiting for a change, in seconds. */
  readonly waitSeconds: number;
  readonly datacenter?: string;
  readonly signal?: AbortSignal;
}

export interface ConsulAnswer {
  readonly body: unknown;
  /** X-Consul-Index; 0 where none came. */
  readonly index: bigint;
  /** Whether the server knew a leader, so that what it says is backed by a quorum. */
  readonly hasLeader: boolean;
  /** Whether the ACL token hid something. */
  readonly isFiltered: boolean;
}

/** What a Consul has to be able to do here; a fake of it answers tests. */
export interface Consul {
  /** @throws Error that names the path and the status, never the token. */
  get(path: string, query: ConsulQuery): Promise<ConsulAnswer>;
}

/** Consul adds up to a sixteenth of the wait to it; the rest is for the way. */
const GRACE_MS = 10_000;
const MAX_BYTES = 64 << 20;

export class ConsulClient implements Consul {
  private readonly base: URL;

  /** @throws Error when the address is no http or https URL, or carries a user, a path or a query. */
  constructor(private readonly options: ConsulOptions) {
    const { address } = options;
    if (!URL.canParse(address)) throw new Error(notAnAddress());
    this.base = new URL(address);
    const { protocol, username, password, pathname, search } = this.base;
    const isPlain = username === '' && password === '' && pathname === '/' && search === '';
    if (!/^https?:$/.test(protocol) || !isPlain) throw new Error(notAnAddress());
  }

  async get(path: string, query: ConsulQuery): Promise<ConsulAnswer> {
    const { token, ca, consistency = 'default' } = this.options;
    const url = new URL(path, this.base);
    if (query.datacenter) url.searchParams.set('dc', query.datacenter);
    if (query.index !== undefined) {
      url.searchParams.set('index', query.index);
      url.searchParams.set('wait', `${query.waitSeconds}s`);
    }
    if (consistency !== 'default') url.searchParams.set(consistency, '');
    const wait = query.index === undefined ? 0 : query.waitSeconds * 1000;
    const { status, headers, bytes } = await boundedRequest({
      url,
      ca,
      headers: { accept: 'application/json', ...(token && { 'x-consul-token': token }) },
      timeoutMilliseconds: wait + wait / 16 + GRACE_MS,
      maxBytes: MAX_BYTES,
      signal: query.signal,
    });
    if (status !== 200) throw new Error(`GET ${path} got ${status}${hint(status)}`);
    return {
      body: parsed(path, bytes.toString()),
      index: toIndex(headers['x-consul-index']),
      hasLeader: headers['x-consul-knownleader'] !== 'false',
      isFiltered: headers['x-consul-results-filtered-by-acls'] === 'true',
    };
  }
}

/** The text is not repeated: it may hold a password. */
function notAnAddress(): string {
  return "the address of Consul is no URL of a server; allowed: 'http://HOST:PORT' and 'https://HOST:PORT' alone";
}

function hint(status: number): string {
  return status === 403 ? ': give a token that may read services and nodes (service:read, node:read)' : '';
}

function parsed(path: string, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Error(`GET ${path} did not answer with JSON`);
  }
}

function toIndex(header: string | string[] | undefined): bigint {
  return typeof header === 'string' && /^\d{1,20}$/.test(header) ? BigInt(header) : 0n;
}
