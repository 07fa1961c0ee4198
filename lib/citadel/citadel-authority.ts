/**
 * The mesh's own certificate authority: makes a root on first start, keeps it, signs for workloads, and rotates itself. Several
 * replicas share what is kept; the leader changes it, the others follow.
 */
import { randomBytes, X509Certificate } from 'node:crypto';
import { formatIdentity } from '../world';
import { type Clock, systemClock } from './clock';
import { pem } from './der';
import { LEAF_SECONDS, lifetimeFrom } from './renewal';
import {
  activeSlot,
  advance,
  nextDue,
  type RotationPolicy,
  signingSlot,
  transitionDue,
  trustedSlots,
} from './rotation';
import { type Expiry, type RotatingSigner, type SignedCertificate, SignerError, type SigningRequest } from './signer';
import {
  isPluggedIn,
  makeSlot,
  pluggedRoots,
  pluggedSlot,
  recordedSlots,
  type SigningSlot,
  slotsOf,
  withRecord,
  withSlots,
} from './slot-files';
import { alone, type Kept, type Leadership, type Storage } from './storage';

export interface CitadelAuthorityOptions {
  readonly storage: Storage;
  readonly trustDomain: string;
  readonly clock?: Clock;
  /** Who may rotate. Default: this replica. */
  readonly leadership?: Leadership;
  /** Default: ten years. */
  readonly rootSeconds?: number;
  /** Default: one year. */
  readonly intermediateSeconds?: number;
  /** Default: leaves of a day, a day to learn of a new root, and ten minutes of skew. */
  readonly rotation?: Partial<RotationPolicy>;
  /** Told what was done, in words, and with what has changed. */
  readonly onTransition?: (kind: string, slot: { readonly id: string; readonly notAfter: Date }) => void;
}

const YEAR = 365 * 86_400;

export class CitadelAuthority implements RotatingSigner {
  readonly trustDomain: string;
  private readonly clock: Clock;
  private readonly policy: RotationPolicy;
  private readonly listeners = new Set<() => void>();
  private slots: readonly SigningSlot[] = [];
  private version?: string;
  private isPluggedIn = false;
  /** Roots that an operator has put beside the one in use. */
  private extraRoots: readonly string[] = [];
  private bundle: readonly string[] = [];

  private constructor(private readonly options: CitadelAuthorityOptions) {
    this.trustDomain = options.trustDomain;
    this.clock = options.clock ?? systemClock;
    this.policy = {
      distributionSeconds: LEAF_SECONDS,
      leafSeconds: LEAF_SECONDS,
      skewSeconds: 600,
      ...options.rotation,
    };
  }

  /**
   * Takes up what is kept, or makes a root where nothing is.
   * @throws Error when what is kept cannot be read or used. Nothing is ever made in its place.
   */
  static async open(options: CitadelAuthorityOptions): Promise<CitadelAuthority> {
    const authority = new CitadelAuthority(options);
    const kept = (await options.storage.load()) ?? (await authority.makeFirst());
    authority.takeUp(kept);
    await authority.rotate();
    return authority;
  }

  trustBundle(): readonly string[] {
    return this.bundle;
  }

  /** The roots of `trustBundle()`. */
  roots(): X509Certificate[] {
    return this.bundle.map((root) => new X509Certificate(root));
  }

  expiries(): Expiry[] {
    const { issuer, notBefore, rootNotBefore, rootNotAfter } = activeSlot(this.slots);
    return [
      { level: 'root', notBefore: new Date(rootNotBefore), notAfter: new Date(rootNotAfter) },
      { level: 'intermediate', notBefore: new Date(notBefore), notAfter: issuer.notAfter },
    ];
  }

  subscribe(onChange: () => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }

  async sign(request: SigningRequest): Promise<SignedCertificate> {
    const { identity, hosts, csr, lifetimeSeconds, backdateSeconds } = request;
    if (identity.trustDomain !== this.trustDomain) {
      throw new SignerError(`${formatIdentity(identity)} is not of trust domain ${this.trustDomain}`);
    }
    const { issuer, above } = signingSlot(this.slots, this.clock().getTime());
    const seconds = Math.min(lifetimeSeconds, this.policy.leafSeconds);
    const lifetime = lifetimeFrom(this.clock(), seconds, backdateSeconds);
    try {
      const { der, notBefore, notAfter } = await issuer.issue({
        publicKey: csr.publicKey,
        names: { identity, hosts },
        ...lifetime,
      });
      return { chain: [pem('CERTIFICATE', der), ...above], notBefore, notAfter };
    } catch (error) {
      throw new SignerError((error as Error).message);
    }
  }

  async rotate(): Promise<Date> {
    await this.follow();
    const { leadership = alone } = this.options;
    // Each step is kept before the next is looked for; a bound, lest a wrong clock turns us round for ever.
    for (let step = 0; step < 8; step++) {
      if (this.isPluggedIn) {
        if (!this.stepPlugged()) break;
      } else if (!leadership.isLeader() || !(await this.step())) break;
    }
    if (leadership.isLeader()) await this.record();
    return new Date(nextDue(this.slots, this.policy));
  }

  private async makeFirst(): Promise<Kept> {
    const { files, slot } = await this.make('active');
    const saved = await this.options.storage.save(withSlots(files, [slot]), undefined);
    const kept = saved ?? (await this.options.storage.load());
    if (!kept) throw new Error('the new root of the authority could not be kept');
    if (saved) this.tell('root made', slot);
    return kept;
  }

  private make(phase: 'prepared' | 'active', below?: { files: Kept['files']; id: string }) {
    const { trustDomain, rootSeconds = 10 * YEAR, intermediateSeconds = YEAR } = this.options;
    const id = randomBytes(6).toString('hex');
    return makeSlot({ id, phase, now: this.clock(), trustDomain, rootSeconds, intermediateSeconds, below });
  }

  /** Whatever cannot be used leaves the last in force. */
  private async follow(): Promise<void> {
    const kept = await this.options.storage.load();
    if (!kept) throw new Error('what was kept for the authority is gone; its last certificates stay in use');
    if (kept.version !== this.version) this.takeUp(kept);
  }

  private takeUp({ version, files, own }: Kept): void {
    const isTheirs = isPluggedIn(files);
    if (isTheirs) this.plugIn(files, own);
    else {
      this.slots = slotsOf(files);
      this.extraRoots = [];
    }
    // Not before they have proved good: whose the last good ones are decides who renews them.
    this.isPluggedIn = isTheirs;
    this.version = version;
    this.publish();
  }

  /**
   * New files below an unknown root are first told to everybody, as if we had made them.
   * @throws Error when they cannot be used. What has ended takes no other's place; with nothing in force it is taken, since a mesh
   * that cannot sign still has to be configured.
   */
  private plugIn(files: Kept['files'], own: Kept | undefined): void {
    const now = this.clock().getTime();
    const slot = pluggedSlot(files, now);
    const extraRoots = pluggedRoots(files);
    const isStart = this.slots.length === 0;
    const before = isStart && own ? recordedSlots(own.files, slot) : this.slots;
    const others = before.filter(({ id, phase }) => id !== slot.id && (phase === 'active' || phase === 'retiring'));
    const end = Math.min(slot.notAfter, slot.rootNotAfter);
    if (end <= now && others.length > 0 && !isStart) {
      const ended = new Date(end).toISOString();
      throw new Error(`the plugged-in authority or its root expired on ${ended}: renew ca-cert.pem and root-cert.pem`);
    }
    this.extraRoots = extraRoots;
    const known = before.find(({ id }) => id === slot.id);
    const hasActive = [...others, ...(known ? [known] : [])].some(({ phase }) => phase === 'active');
    if (!hasActive) this.slots = [slot];
    else
      this.slots = [
        ...others,
        known ? { ...slot, phase: known.phase, since: known.since } : { ...slot, phase: 'prepared' },
      ];
  }

  /** Of a plugged-in authority only this tells, after a restart, since when everybody knows its root. */
  private async record(): Promise<void> {
    const kept = await this.options.storage.load();
    const own = this.isPluggedIn ? kept?.own : kept;
    // Others change it at the same time: what is recorded is looked at again at the next look.
    if (!own || kept?.version !== this.version) return;
    const files = withRecord(own.files, this.isPluggedIn ? this.slots : []);
    if (!files) return;
    const saved = await this.options.storage.save(files, own.version);
    if (saved && !this.isPluggedIn) this.version = saved.version;
  }

  private stepPlugged(): boolean {
    const now = this.clock().getTime();
    const due = transitionDue(this.slots, this.policy, now);
    if (!due || due.kind === 'prepare') return false;
    const slot = this.slots.find(({ id }) => id === due.id)!;
    this.slots = advance(this.slots, due, now);
    this.publish();
    this.tell(due.kind, slot);
    return true;
  }

  /** Returns whether something was done. */
  private async step(): Promise<boolean> {
    const now = this.clock().getTime();
    const due = transitionDue(this.slots, this.policy, now);
    if (!due) return false;
    const kept = await this.options.storage.load();
    if (kept?.version !== this.version) {
      if (kept) this.takeUp(kept);
      return kept !== undefined;
    }
    let files = kept!.files;
    let slots: readonly SigningSlot[];
    let changed: SigningSlot;
    if (due.kind === 'prepare') {
      const below = due.level === 'root' ? undefined : { files, id: activeSlot(this.slots).id };
      const made = await this.make('prepared', below);
      files = { ...files, ...made.files };
      slots = [...this.slots, made.slot];
      changed = made.slot;
    } else {
      slots = advance(this.slots, due, now);
      changed = this.slots.find(({ id }) => id === due.id)!;
    }
    const saved = await this.options.storage.save(withSlots(files, slots), this.version);
    // Another replica was faster: what it has done is taken in, and looked at again.
    if (saved) this.takeUp(saved);
    else await this.follow();
    if (saved) this.tell(due.kind, changed);
    return true;
  }

  private publish(): void {
    const roots = trustedSlots(this.slots).map(({ rootPem }) => rootPem);
    this.bundle = [...new Set([...roots, ...this.extraRoots])];
    for (const onChange of this.listeners) onChange();
  }

  private tell(kind: string, { id, notAfter }: SigningSlot): void {
    this.options.onTransition?.(kind, { id, notAfter: new Date(notAfter) });
  }
}
