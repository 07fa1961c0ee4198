/** Names that lead to the machine itself, or to a service that hands out credentials, lead nowhere. */
import type { LookupFunction } from 'node:net';

/** Looks at the address that is really connected to, so that no name leads around the check. */
export function guardedLookup(resolve: LookupFunction, isForbidden: (host: string) => boolean): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, options, (error, address, family) => {
      const found = Array.isArray(address) ? address.map((each) => each.address) : [address];
      const bad = error ? undefined : found.find((each) => isForbidden(each.includes(':') ? `[${each}]` : each));
      if (bad) done(new Error(`${hostname} leads to ${bad}, this machine or a metadata service`), '');
      else done(error, address, family);
    });
  };
}
