/**
 * Keys and certificates for workloads whose cluster cannot make them (no podCertificate volumes): made here, held in memory
 * only, and sent once over TLS to the connection whose token proved the identity. Each connection has a key of its own; it is
 * forgotten with the connection, and replaced at half of the certificate's life. This is the weaker way: the key has left the
 * process that uses it once.
 */
import { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { formatIdentity, type Identity, ROOT_SECRET, WORKLOAD_SECRET } from '../world';
import { type Clock, systemClock } from './clock';
import { makeKeyPair } from './key-pair';
import { isDue, isOverdue, LEAF_SECONDS, type Lifetime, renewAt } from './renewal';
import type { RotatingSigner } from './signer';

export interface WorkloadSecretsOptions {
  readonly signer: RotatingSigner;
  readonly clock?: Clock;
  /** Default one day. */
  readonly lifetimeSeconds?: number;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly log: { error(fields: object, message: string): void };
}

interface Entry {
  readonly identity: Identity;
  current?: Lifetime & { readonly resource: EnvoyResource; readonly madeAt: Date; readonly renewAt: number };
  isBeingMade: boolean;
  /** After a failure: not before. */
  retryAt: number;
  /** The two secrets together; the same list as long as neither changes. */
  list?: readonly EnvoyResource[];
}

const RETRY_MILLISECONDS = 5_000;

export class WorkloadSecrets {
  private readonly entries = new Map<object, Entry>();
  private readonly listeners = new Set<() => void>();
  private readonly clock: Clock;
  private roots: EnvoyResource;

  constructor(private readonly options: WorkloadSecretsOptions) {
    this.clock = options.clock ?? systemClock;
    this.roots = rootsResource(options.signer.trustBundle());
    options.signer.subscribe(() => this.changeRoots());
  }

  /**
   * The secrets of the workload at the other end of a connection; undefined while they are being made, after which
   * listeners are called.
   * @param connection whose key it is: the key of nobody else, whatever the identity.
   */
  secretsOf(connection: object, identity: Identity): readonly EnvoyResource[] | undefined {
    let entry = this.entries.get(connection);
    if (!entry) {
      entry = { identity, isBeingMade: false, retryAt: 0 };
      this.entries.set(connection, entry);
      void this.make(connection, entry);
    }
    return entry.list;
  }

  /** The connection is gone, and so is its key. */
  release(connection: object): void {
    this.entries.delete(connection);
  }

  /** Calls `onChange` when secrets of any connection are new; returns how to stop. */
  subscribe(onChange: () => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }

  /** Renews what is due. Returns when something will be. */
  renew(): Date {
    const now = this.clock().getTime();
    let next = Number.POSITIVE_INFINITY;
    for (const [connection, entry] of this.entries) {
      const { current, retryAt } = entry;
      const isWanted = !current || isDue(new Date(current.renewAt), current, new Date(now));
      // Nothing that failed is tried sooner, unless the clock was ahead when it did.
      const mayTry = retryAt <= now || retryAt > now + RETRY_MILLISECONDS;
      if (isWanted && mayTry) void this.make(connection, entry);
      else next = Math.min(next, Math.max(current?.renewAt ?? 0, retryAt));
    }
    return new Date(Math.min(next, now + 86_400_000));
  }

  /** How many connections have a key, and how many of those should have had a new one long ago. */
  count(): { held: number; overdue: number } {
    const all = [...this.entries.values()].filter(({ current }) => current !== undefined);
    const now = this.clock();
    return { held: all.length, overdue: all.filter(({ current }) => isOverdue(current!.madeAt, current!, now)).length };
  }

  private async make(connection: object, entry: Entry): Promise<void> {
    if (entry.isBeingMade) return;
    entry.isBeingMade = true;
    const { signer, lifetimeSeconds = LEAF_SECONDS, random = Math.random, log } = this.options;
    try {
      const now = this.clock();
      const { keyPem, csr } = await makeKeyPair();
      const signed = await signer.sign({ identity: entry.identity, csr, lifetimeSeconds });
      const resource = workloadResource(signed.chain.join(''), keyPem);
      entry.current = {
        resource,
        madeAt: now,
        notBefore: signed.notBefore,
        notAfter: signed.notAfter,
        renewAt: renewAt(now, signed, random()).getTime(),
      };
      entry.list = [this.roots, resource];
      if (this.entries.get(connection) === entry) this.tell();
    } catch (error) {
      entry.retryAt = this.clock().getTime() + RETRY_MILLISECONDS;
      const identity = formatIdentity(entry.identity);
      log.error(
        { identity, error: (error as Error).message },
        'the certificate of a workload cannot be made; tried again',
      );
    } finally {
      entry.isBeingMade = false;
    }
  }

  private changeRoots(): void {
    const roots = rootsResource(this.options.signer.trustBundle());
    if (roots.version === this.roots.version) return;
    this.roots = roots;
    for (const entry of this.entries.values()) if (entry.current) entry.list = [roots, entry.current.resource];
    this.tell();
  }

  private tell(): void {
    for (const onChange of this.listeners) onChange();
  }
}

const inline = (pem: string) => ({ inline_bytes: Buffer.from(pem).toString('base64') });

function workloadResource(chainPem: string, keyPem: string): EnvoyResource {
  const tls_certificate = { certificate_chain: inline(chainPem), private_key: inline(keyPem) };
  return new EnvoyResource(TypeUrl.secret, WORKLOAD_SECRET, { name: WORKLOAD_SECRET, tls_certificate });
}

function rootsResource(roots: readonly string[]): EnvoyResource {
  const validation_context = { trusted_ca: inline(roots.join('')) };
  return new EnvoyResource(TypeUrl.secret, ROOT_SECRET, { name: ROOT_SECRET, validation_context });
}
