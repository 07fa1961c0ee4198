/**
 * Which Worlds a proxy still owes acknowledgements of. A World that changed nothing for a proxy asks nothing of it, so one
 * proxy that is slow holds up the objects that concern it and no others. Pure; bounded.
 */

/** From the first to the last of Worlds that were offered together. */
type Span = readonly [first: number, last: number];

/** Beyond these the oldest are taken together. */
const MAX_SPANS = 64;

export class Progress {
  private offered = 0;
  private spans: Span[] = [];
  private hasHadAll = false;

  /** The newest World that the proxy was offered; `isNews`: something in it is new for this proxy. */
  offer(generation: number, isNews: boolean): void {
    if (isNews && generation > this.offered) this.spans.push([this.offered + 1, generation]);
    if (this.spans.length > MAX_SPANS) this.spans.splice(0, 2, [this.spans[0]![0], this.spans[1]![1]]);
    this.offered = Math.max(this.offered, generation);
  }

  /** Everything that was offered has been answered. */
  settle(): void {
    this.spans = [];
    this.hasHadAll = true;
  }

  /** Whether it once had all: before, it is starting, gets no traffic yet, and nobody has to wait for it. */
  get isEstablished(): boolean {
    return this.hasHadAll;
  }

  /** Whether something of the World `generation` may not have come to the proxy yet. */
  lacks(generation: number): boolean {
    return generation > this.offered || this.spans.some(([first, last]) => first <= generation && generation <= last);
  }
}
