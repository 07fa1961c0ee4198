/** What was made of an object is kept as long as everything that it was made from is the same. */
import { sameAnswer } from '../reads';

/** A memory of its own; values live as long as the objects that they were made of. */
export class Remembered<V> {
  private readonly values = new WeakMap<object, { readonly from: readonly unknown[]; readonly value: V }>();

  /** @param from all that `make` looks at beside `object`, compared by identity. */
  get(object: object, from: readonly unknown[], make: () => V): V {
    const known = this.values.get(object);
    if (known && sameAnswer(known.from, from)) return known.value;
    const value = make();
    this.values.set(object, { from, value });
    return value;
  }
}
