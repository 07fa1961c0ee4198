/**
 * Memory of results, by verifying traces (A. Mokhov, N. Mitchell, S. Peyton Jones, "Build Systems à la Carte", 2018).
 *
 * A result is kept with the list of what was read for it: answers of the World, and results of other queries. Asked
 * again in a newer World, the reads are asked again in their order; as long as each answer is the same, so is the
 * result, and nothing is computed. The first difference leads to a new computation, whose outcome may still turn out
 * equal to the old one, which then stays, so that those who read it notice nothing.
 */
import { EnvoyResource } from '../envoy/resource';
import type { TypeUrl } from '../envoy/type-url';
import { sameAnswer, type Table, type World, WorldView } from '../world';

/**
 * A computation over the World that is worth remembering. Equal keys have to mean equal arguments, in whatever World they
 * are asked: arguments are names, never objects of the World, which the computation has to read for itself.
 */
export interface Query<A, V> {
  readonly name: string;
  readonly compute: (evaluation: Evaluation, args: A) => V;
}

type Read = { table: Table<unknown>; key: string; answer: unknown } | { entry: Entry; answer: unknown };

interface Entry {
  readonly query: Query<unknown, unknown>;
  readonly args: unknown;
  value: unknown;
  reads: readonly Read[];
  /** The World, by its number, in which the value was last found to hold. */
  holdsIn: number;
  /** Why the value is not what it should be. */
  failures: readonly TranslationFailure[];
}

/** What failed to translate: the rest of a snapshot does not suffer from it. */
export interface TranslationFailure {
  readonly typeUrl: TypeUrl;
  /** The resource's name; of a route, also the object's, as `VirtualService shop/reviews`. */
  readonly name: string;
  readonly error: Error;
}

/** Results that no World has asked for in this many are forgotten. */
const WORLDS_REMEMBERED = 4;

const none: readonly never[] = Object.freeze([]);

export class Memo {
  private readonly entries = new Map<Query<never, unknown>, Map<string, Entry>>();
  private readonly resources = new Map<string, WeakRef<EnvoyResource>>();
  private readonly numbers = new WeakMap<World, number>();
  private newest = 0;
  /** How often a query was computed, for tests and metrics. */
  computations = 0;

  /** The value of a query in a World. */
  evaluate<A, V>(world: World, query: Query<A, V>, key: string, args: A): V {
    return this.entryFor(world, query, key, args).value as V;
  }

  /** What could not be made from the newest objects; the last good one of each is still in use. */
  get failures(): readonly TranslationFailure[] {
    const failures = new Map<string, TranslationFailure>();
    for (const entries of this.entries.values()) {
      for (const { failures: found, holdsIn } of entries.values()) {
        if (found.length === 0 || holdsIn !== this.newest) continue;
        for (const failure of found) failures.set(`${failure.typeUrl} ${failure.name}`, failure);
      }
    }
    return [...failures.values()];
  }

  /** For Evaluation. */
  entryFor<A, V>(world: World, query: Query<A, V>, key: string, args: A): Entry {
    const number = this.numberOf(world);
    let entries = this.entries.get(query as Query<never, unknown>);
    if (!entries) {
      entries = new Map();
      this.entries.set(query as Query<never, unknown>, entries);
    }
    const known = entries.get(key);
    if (known) {
      if (known.holdsIn !== number) this.bringTo(world, number, known);
      return known;
    }
    const entry: Entry = {
      query: query as Query<unknown, unknown>,
      args,
      value: undefined,
      reads: [],
      failures: none,
      holdsIn: number,
    };
    this.compute(world, entry);
    entries.set(key, entry);
    return entry;
  }

  private bringTo(world: World, number: number, entry: Entry): void {
    if (!this.stillHolds(world, number, entry)) this.compute(world, entry);
    entry.holdsIn = number;
  }

  private stillHolds(world: World, number: number, entry: Entry): boolean {
    for (const read of entry.reads) {
      if ('table' in read) {
        if (!sameAnswer(world.read(read.table, read.key), read.answer)) return false;
      } else {
        if (read.entry.holdsIn !== number) this.bringTo(world, number, read.entry);
        if (read.entry.value !== read.answer) return false;
      }
    }
    return true;
  }

  private compute(world: World, entry: Entry): void {
    this.computations++;
    const evaluation = new Evaluation(this, world, entry.value);
    const value = entry.query.compute(evaluation, entry.args);
    // An equal list keeps its identity; resources and other values do so where they are made.
    if (!sameAnswer(value, entry.value)) entry.value = value;
    entry.reads = evaluation.reads;
    entry.failures = evaluation.failures;
  }

  private numberOf(world: World): number {
    let number = this.numbers.get(world);
    if (number === undefined) {
      number = ++this.newest;
      this.numbers.set(world, number);
      this.forget();
    }
    return number;
  }

  private forget(): void {
    for (const entries of this.entries.values()) {
      for (const [key, entry] of entries) if (entry.holdsIn < this.newest - WORLDS_REMEMBERED) entries.delete(key);
    }
    for (const [key, resource] of this.resources) if (!resource.deref()) this.resources.delete(key);
  }

  /** The resource of that content: made once, whichever proxies and Worlds need it. For Evaluation. */
  intern<T extends object>(typeUrl: TypeUrl, name: string, message: T): EnvoyResource<T> {
    const made = new EnvoyResource(typeUrl, name, message);
    // The version stands for the type and the name too: both are in the bytes.
    const known = this.resources.get(made.version)?.deref();
    if (known) return known as EnvoyResource<T>;
    this.resources.set(made.version, new WeakRef<EnvoyResource>(made));
    return made;
  }
}

const FEW = 12;

/** One computation: asks the World and other queries, and writes down what it asked. */
export class Evaluation extends WorldView {
  readonly reads: Read[] = [];
  failures: readonly TranslationFailure[] = none;
  /** What was read already, once that is more than can be looked through. */
  private known?: Map<unknown, Set<string>>;

  constructor(
    private readonly memo: Memo,
    private readonly world: World,
    /** What this computation gave the last time, if it is not the first. */
    readonly previous: unknown,
  ) {
    super();
  }

  read<V>(table: Table<V>, key: string): V {
    const answer = this.world.read(table, key);
    if (!this.hasRead(table, key)) this.reads.push({ table, key, answer });
    return answer;
  }

  /** The value of another query. */
  derive<A, V>(query: Query<A, V>, key: string, args: A): V {
    const entry = this.memo.entryFor(this.world, query, key, args);
    if (!this.hasRead(entry, '')) this.reads.push({ entry, answer: entry.value });
    return entry.value as V;
  }

  /** Most computations read little, and are many: they get along without a set of their own. */
  private hasRead(source: unknown, key: string): boolean {
    if (!this.known) {
      if (
        this.reads.some((read) => ('table' in read ? read.table === source && read.key === key : read.entry === source))
      ) {
        return true;
      }
      if (this.reads.length < FEW) return false;
      this.known = new Map();
      for (const read of this.reads) {
        if ('table' in read) this.note(read.table, read.key);
        else this.note(read.entry, '');
      }
    }
    if (this.known.get(source)?.has(key)) return true;
    this.note(source, key);
    return false;
  }

  private note(source: unknown, key: string): void {
    const keys = this.known!.get(source);
    if (keys) keys.add(key);
    else this.known!.set(source, new Set([key]));
  }

  /**
   * The result of a query that makes one resource. When `build` fails, the last good resource of this query stays in
   * force.
   */
  resource<T extends object>(typeUrl: TypeUrl, name: string, build: () => T): EnvoyResource | undefined {
    const resource = this.attempt(typeUrl, name, build);
    return resource === FAILED ? (this.previous as EnvoyResource | undefined) : resource;
  }

  /** Writes down what could not be made. */
  fail(failure: TranslationFailure): void {
    this.failures = [...this.failures, failure];
  }

  /**
   * One resource, for a query that has a way of its own when `build` fails. It is encoded now, so that a message that
   * Envoy's schema does not allow never reaches a snapshot.
   */
  attempt<T extends object>(typeUrl: TypeUrl, name: string, build: () => T): EnvoyResource | typeof FAILED {
    try {
      return this.memo.intern(typeUrl, name, build());
    } catch (error) {
      this.fail({ typeUrl, name, error: error as Error });
      return FAILED;
    }
  }
}

/** In place of a resource that could not be made. */
export const FAILED = Symbol('failed');
