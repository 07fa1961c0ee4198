/** The nearest of some names, for `did you mean`. */

/** Names that are further apart have little in common. */
const FARTHEST = 3;

/** The name that takes the fewest edits to reach from `name`; undefined when none is near. */
export function nearest(name: string, allowed: readonly string[]): string | undefined {
  if (name.length > 64) {
    return undefined;
  }
  let best: string | undefined;
  let least = Math.min(FARTHEST, Math.ceil(name.length / 2)) + 1;
  for (const candidate of allowed) {
    const edits = plain(name) === plain(candidate) ? 0 : distance(plain(name), plain(candidate), least);
    if (edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

/** `per_try_timeout` and `perTryTimeout` are the same word. */
function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

/** Levenshtein's distance, given up at `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) {
    return limit;
  }
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current[column] = Math.min(substitution, previous[column]! + 1, current[column - 1]! + 1);
    }
    previous = current;
  }
  return previous[b.length]!;
}
