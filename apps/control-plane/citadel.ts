/**
 * Citadel as part of the control plane: the authority and its rotation, the TLS port with the control plane's own certificate,
 * who may call it, and the services for certificates. Wiring only; the parts are in lib/citadel.
 */
import type { TLSSocket } from 'node:tls';
import { controlPlaneName } from '../../lib/api/revisions';
import { type CallerOf, callerBy } from '../../lib/citadel/caller';
import { type CertificateOutcome, certificateService } from '../../lib/citadel/certificate-service';
import { CitadelAuthority, type CitadelAuthorityOptions } from '../../lib/citadel/citadel-authority';
import { type Clock, systemClock } from '../../lib/citadel/clock';
import { ClusterTokenReviewer } from '../../lib/citadel/cluster-token-reviewer';
import type { PodCertificateSigner } from '../../lib/citadel/pod-certificate-request';
import { podCertificateSigner } from '../../lib/citadel/pod-certificate-signer';
import { Registration } from '../../lib/citadel/registration';
import { isOverdue, LEAF_SECONDS, type Lifetime } from '../../lib/citadel/renewal';
import { type PortIdentity, SecurePort } from '../../lib/citadel/secure-port';
import { ServingCertificate } from '../../lib/citadel/serving-certificate';
import type { RotatingSigner } from '../../lib/citadel/signer';
import type { Leadership, Storage } from '../../lib/citadel/storage';
import type { TokenReviewApi, TokenReviewer } from '../../lib/citadel/token-reviewer';
import { VaultSigner, type VaultSignerOptions } from '../../lib/citadel/vault-signer';
import { WorkloadSecrets } from '../../lib/citadel/workload-secrets';
import type { Identity } from '../../lib/world';
import type { GrpcService } from '../../lib/xds/server';
import type { Logger } from '../../lib/xds/source';
import { parseAddress } from './address';

/** For whom tokens have to be made that are shown here. */
export const TOKEN_AUDIENCE = 'malha.dev';
/** The authority is looked at this often at least, also where what is kept is watched: a watch may be without a right. Milliseconds. */
const LONGEST_PAUSE = 30_000;
const SHORTEST_PAUSE = 250;

export interface CitadelOptions
  extends Pick<CitadelAuthorityOptions, 'rootSeconds' | 'intermediateSeconds' | 'rotation'> {
  /** Where our own authority is kept. */
  readonly storage?: Storage;
  /** Who signs in its place. */
  readonly vault?: Omit<VaultSignerOptions, 'trustDomain' | 'clock'>;
  /** Who of several replicas rotates it. Default: this one. */
  readonly leadership?: Leadership;
  /** How tokens are reviewed: by the API server, or as given. Default: none are accepted. */
  readonly tokenReviews?: TokenReviewApi;
  readonly reviewer?: TokenReviewer;
  readonly trustDomain: string;
  /** The namespace that the control plane runs in. */
  readonly namespace: string;
  /** Which of the namespace's control planes it is: its Service and ServiceAccount are named for it. Default: `default`. */
  readonly revision?: string;
  /** Where workloads prove themselves and get what is theirs: `HOST:PORT`. */
  readonly address: string;
  /** What a certificate lives, in seconds. Default: a day. */
  readonly leafSeconds?: number;
  /** What nobody gets less than, in seconds. Default: a minute. */
  readonly minLeafSeconds?: number;
  readonly clock?: Clock;
  readonly log: Logger;
  readonly observer?: CitadelObserver;
}

/** What happens, for metrics. */
export interface CitadelObserver {
  certificate?(outcome: CertificateOutcome, problem?: string): void;
  podCertificate?(type: string, reason: string): void;
  transition?(kind: string): void;
  rotationFailed?(): void;
}

export interface CitadelExpiry extends Lifetime {
  readonly level: 'root' | 'intermediate' | 'serving';
  /** Its renewal should have happened long ago. */
  readonly isOverdue: boolean;
}

/** Who takes connections of the TLS port, by what they speak. */
export type Acceptors = Readonly<Partial<Record<'h2' | 'http/1.1', (socket: TLSSocket) => void>>>;

export interface Citadel {
  readonly authority: RotatingSigner;
  readonly registration: Registration;
  readonly podCertificates: PodCertificateSigner;
  readonly callerOf: CallerOf;
  /** Keys for connections that cannot make their own. */
  readonly secrets: WorkloadSecrets;
  /** For the TLS port alone. */
  readonly services: readonly GrpcService[];
  expiries(): CitadelExpiry[];
  /** The control plane's own certificate and key, and the roots, as they are now: for its other servers. */
  identity(): PortIdentity;
  /** Calls `onChange` after each renewal and change of roots; returns how to stop. */
  onIdentity(onChange: () => void): () => void;
  /** Resolves to the port. */
  listen(accept: Acceptors): Promise<number>;
  close(): Promise<void>;
}

/** Opens the authority, or makes it. @throws Error when what is kept cannot be used. */
export async function openCitadel(
  options: CitadelOptions,
  pods: Parameters<typeof callerBy>[0]['pods'],
): Promise<Citadel> {
  const { log, observer = {}, trustDomain, clock = systemClock, leafSeconds = LEAF_SECONDS } = options;
  const authority = await openSigner(options);
  const registration = new Registration(authority, {
    defaultLifetimeSeconds: leafSeconds,
    maxLifetimeSeconds: leafSeconds,
    minLifetimeSeconds: options.minLeafSeconds,
  });
  const reviewer =
    options.reviewer ??
    (options.tokenReviews && new ClusterTokenReviewer({ api: options.tokenReviews, audience: TOKEN_AUDIENCE, clock }));
  const callerOf = callerBy({ reviewer, trustDomain, clock, pods });
  const onOutcome = (outcome: CertificateOutcome, problem?: string) => observer.certificate?.(outcome, problem);
  const serving = await ServingCertificate.make({
    signer: authority,
    identity: servingIdentity(options),
    hosts: servingHosts(options),
    clock,
    lifetimeSeconds: leafSeconds,
  });
  const secrets = new WorkloadSecrets({ signer: authority, clock, lifetimeSeconds: leafSeconds, log });
  const keeper = new Keeper(authority, serving, secrets, options);
  return {
    authority,
    registration,
    callerOf,
    secrets,
    podCertificates: podCertificateSigner({
      registration,
      trustDomain,
      clock,
      maxLifetimeSeconds: leafSeconds,
      onDecision: (type, reason) => observer.podCertificate?.(type, reason),
    }),
    services: [certificateService({ registration, callerOf, log, onOutcome })],
    expiries: () => [
      ...authority.expiries().map((expiry) => ({ ...expiry, isOverdue: isOverdue(expiry.notBefore, expiry, clock()) })),
      { ...serving.expiry, level: 'serving', isOverdue: serving.isOverdue },
    ],
    identity: () => keeper.identity(),
    onIdentity: (onChange) => keeper.subscribe(onChange),
    listen: (accept) => keeper.listen(accept),
    close: () => keeper.close(),
  };
}

async function openSigner(options: CitadelOptions): Promise<RotatingSigner> {
  const { storage, vault, trustDomain, clock, log, observer, leafSeconds = LEAF_SECONDS } = options;
  if (vault) return VaultSigner.open({ ...vault, trustDomain, clock });
  if (!storage) throw new Error('the mesh has no authority: keep one in a folder, or name a Vault');
  return CitadelAuthority.open({
    ...options,
    storage,
    rotation: { leafSeconds, distributionSeconds: leafSeconds, ...options.rotation },
    onTransition(kind, slot) {
      log.info({ ...slot }, `authority: ${kind}`);
      observer?.transition?.(kind);
    },
  });
}

const servingIdentity = ({ trustDomain, namespace, revision }: CitadelOptions): Identity => ({
  trustDomain,
  namespace,
  serviceAccount: controlPlaneName(revision),
});

/** The Service under all names that a cluster has for it, and the address itself on a laptop. */
function servingHosts({ namespace, revision, address }: CitadelOptions): string[] {
  const { host } = parseAddress(address);
  const isAny = host === '0.0.0.0' || host === '::';
  const service = [controlPlaneName(revision), namespace, 'svc', 'cluster.local'];
  return [...[4, 3, 2].map((parts) => service.slice(0, parts).join('.')), ...(isAny ? [] : [host.toLowerCase()])];
}

/** Keeps the authority and the port's certificate young, for as long as the port is open. */
class Keeper {
  private port?: SecurePort;
  private timer?: NodeJS.Timeout;
  /** When the timer ends, in milliseconds of this process. */
  private timerEnds = Number.POSITIVE_INFINITY;
  private isLooking = false;
  private unwatch: (() => void) | undefined;
  private isClosed = false;
  private readonly unsubscribe: () => void;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly authority: RotatingSigner,
    private readonly serving: ServingCertificate,
    private readonly secrets: WorkloadSecrets,
    private readonly options: CitadelOptions,
  ) {
    this.unsubscribe = authority.subscribe(() => this.publish());
  }

  identity(): PortIdentity {
    const { chainPem, keyPem } = this.serving;
    return { chainPem, keyPem, roots: this.authority.trustBundle() };
  }

  subscribe(onChange: () => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }

  private publish(): void {
    this.port?.refresh();
    for (const onChange of this.listeners) onChange();
  }

  async listen(accept: Acceptors): Promise<number> {
    const { trustDomain, clock = systemClock, log, address } = this.options;
    this.port = new SecurePort({ identity: () => this.identity(), trustDomain, clock, log, accept });
    const port = await this.port.listen(parseAddress(address));
    this.again(SHORTEST_PAUSE);
    this.unwatch = this.options.storage?.watch?.(() => this.again(SHORTEST_PAUSE));
    return port;
  }

  /** Looks again after so long, unless it does so sooner. */
  private again(milliseconds: number): void {
    const pause = Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, milliseconds));
    const ends = performance.now() + pause;
    if (this.isClosed || ends >= this.timerEnds) return;
    clearTimeout(this.timer);
    this.timerEnds = ends;
    this.timer = setTimeout(() => this.lookOnce(), pause);
    this.timer.unref();
  }

  private lookOnce(): void {
    this.timerEnds = Number.POSITIVE_INFINITY;
    // What has changed while it looks may have come too late for this look.
    if (this.isLooking) this.again(SHORTEST_PAUSE);
    else void this.look();
  }

  /** Each by itself: while the authority cannot be read, the last that was goes on signing. */
  private async look(): Promise<void> {
    const { clock = systemClock } = this.options;
    this.isLooking = true;
    const due = [
      await this.attempt(() => this.authority.rotate()),
      await this.attempt(() => this.renewServing()),
      await this.attempt(async () => this.secrets.renew()),
    ];
    this.isLooking = false;
    const next = due.map((date) => (date ? date.getTime() - clock().getTime() : LONGEST_PAUSE));
    this.again(Math.min(...next));
  }

  private async attempt(renew: () => Promise<Date>): Promise<Date | undefined> {
    const { log, observer } = this.options;
    try {
      return await renew();
    } catch (error) {
      observer?.rotationFailed?.();
      log.error(
        { error: (error as Error).message },
        'the authority cannot be looked after; its certificates stay in use',
      );
      return undefined;
    }
  }

  private async renewServing(): Promise<Date> {
    if (await this.serving.renew()) {
      this.options.log.info({ certificate: String(this.serving) }, 'serving certificate renewed');
      this.publish();
    }
    return this.serving.renewalAt;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.unsubscribe();
    this.unwatch?.();
    clearTimeout(this.timer);
    await this.port?.close();
  }
}
