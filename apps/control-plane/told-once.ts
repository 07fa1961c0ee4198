/** Refusals in the log: whoever is refused comes back with every request, and is told of once. */
import type { Logger } from '../../lib/xds/source';

/** Different ones; what callers can make up must not fill the log. */
const MAX_TOLD = 100;

/** Returns how to warn of `error` by that message; the same error, and what comes after the first hundred, is not told. */
export function toldOnce(log: Logger, message: string): (error: string) => void {
  const told = new Set<string>();
  return (error) => {
    if (told.has(error) || told.size >= MAX_TOLD) return;
    told.add(error);
    log.warn({ error }, message);
  };
}
