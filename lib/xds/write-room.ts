/**
 * Room for large responses, of all streams together. A WebAssembly module has megabytes, and each response that carries it is a copy until
 * its client has read it: a thousand proxies that got a new module at once would cost gigabytes.
 */

/** Smaller responses are not counted: what waits of them is bounded per stream. */
const LARGE = 1024 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;

/** Holds bytes until it is released; a second time does nothing. */
export interface Room {
  release(): void;
}

export class WriteRoom {
  private taken = 0;
  /** In the order in which they came. */
  private waiting = new Map<object, () => void>();
  /** Whose turn it is. */
  private turn: object | undefined;

  constructor(private readonly maxBytes = MAX_BYTES) {}

  /**
   * Room for a response, or undefined: then `retry` is called once when there is more, unless `forget` comes first.
   * Where nothing else is under way, a response of any size has room.
   */
  take(who: object, bytes: number, retry: () => void): Room | undefined {
    if (bytes < LARGE) return FREE;
    const isTurn = this.turn === who;
    const hasRoom = this.taken === 0 || this.taken + bytes <= this.maxBytes;
    if (!hasRoom || (this.waiting.size > 0 && !isTurn)) {
      if (isTurn) this.waiting = new Map([[who, retry], ...this.waiting]);
      else this.waiting.set(who, retry);
      return undefined;
    }
    this.taken += bytes;
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.taken -= bytes;
        this.callNext();
      },
    };
  }

  /** Somebody waits no more. */
  forget(who: object): void {
    if (this.waiting.delete(who)) this.callNext();
  }

  /** Each in turn tries again, until one finds no room. */
  private callNext(): void {
    for (let next = this.waiting.entries().next(); !next.done; next = this.waiting.entries().next()) {
      const [who, retry] = next.value;
      this.waiting.delete(who);
      this.turn = who;
      retry();
      this.turn = undefined;
      if (this.waiting.has(who)) return;
    }
  }
}

const FREE: Room = { release: () => {} };
