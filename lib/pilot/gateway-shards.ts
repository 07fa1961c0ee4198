/**
 * A route configuration with thousands of hosts, in parts. Envoy builds all of one anew for each change, which takes it
 * 40 ms for each thousand of hosts; of sixteen parts it builds the one that has changed. Which part is asked follows from
 * the host of the request: Envoy computes four bits of it into a header, before it looks for a route, and takes the part of
 * that key (scoped RDS, https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#route-scope). Hosts with
 * wildcards are in every part, so that what a part does not know is answered as without parts.
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { isWildcard } from '../world';
import { type Evaluation, FAILED } from './memo';
import { ads } from './shapes';

type VirtualHost = envoy.config.route.v3.VirtualHost;
type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

/** More hosts than this are in parts. */
export const MOST_HOSTS_OF_ONE = 1_000;

/** Taken away again by every part; what a client says there is overwritten. */
export const SCOPE_HEADER = 'x-malha-scope';

/**
 * A bit of the key for each: whether the host has an odd number of these characters. Regular expressions can tell that, and
 * Envoy has nothing else that could tell hosts apart evenly; no two digits are in the same sets. Envoy takes expressions
 * of at most 100 instructions, so a set is few ranges.
 */
const SETS = ['1-4a-m', '2-36-7g-s', '4-7d-jq-w', '02468bdfhj'];
/** Of host names. Any other character, as in an IPv6 address, makes all bits 1. */
const CHARACTERS = '-.0-9_a-z';

interface Bit {
  readonly odd: ReadonlySet<string>;
  /** Matches hosts, with or without a port, that have an even number of them. */
  readonly even: string;
}

const known = new Set(members(CHARACTERS));

const BITS: readonly Bit[] = SETS.map((ranges) => {
  const odd = new Set(members(ranges));
  const rest = rangesOf([...known].filter((character) => !odd.has(character)));
  const one = `[${rest}]*[${ranges}]`;
  return { odd, even: `(?i)^(${one}${one})*[${rest}]*(:|$)` };
});

/** `a-c-` → `a`, `b`, `c`, `-`. */
function members(ranges: string): string[] {
  return (ranges.match(/.-.|./g) ?? []).flatMap((range) => {
    if (range.length === 1) return [range];
    const [first, last] = [range.charCodeAt(0), range.charCodeAt(2)];
    return Array.from({ length: last - first + 1 }, (_, i) => String.fromCharCode(first + i));
  });
}

/** The dash stands last, where it means itself. */
function rangesOf(characters: readonly string[]): string {
  const codes = characters.filter((each) => each !== '-').map((each) => each.charCodeAt(0));
  let text = '';
  for (let i = 0; i < codes.length; i++) {
    const first = i;
    while (codes[i + 1] === codes[i]! + 1) i++;
    const [from, to] = [codes[first]!, codes[i]!].map((code) => String.fromCharCode(code));
    text += first === i ? from : `${from}-${to}`;
  }
  return characters.includes('-') ? `${text}-` : text;
}

/** The keys of all parts: `0000` to `1111`. */
export const SHARDS: readonly string[] = Array.from({ length: 2 ** SETS.length }, (_, i) =>
  i.toString(2).padStart(SETS.length, '0'),
);

/** The part that has an exact host, in lower case and without a port. */
export function shardOf(host: string): string {
  if ([...host].some((character) => !known.has(character))) return SHARDS.at(-1)!;
  return BITS.map(({ odd }) => {
    let count = 0;
    for (const character of host) if (odd.has(character)) count++;
    return count % 2;
  }).join('');
}

export function shardName(route: string, shard: string): string {
  return `${route}/${shard}`;
}

/** The name of the whole: patches are for that, and know nothing of parts. */
export function wholeName(name: string): string {
  return name.replace(/\/[01]{4}$/, '');
}

/** Each part repeats the wildcards; where these are the most, parts would only need more room. */
export function isSharded(hosts: readonly VirtualHost[], most = MOST_HOSTS_OF_ONE): boolean {
  if (hosts.length <= most) return false;
  let exact = 0;
  let repeated = 0;
  for (const { domains, routes } of hosts) {
    const weight = 1 + (routes?.length ?? 0);
    if (domains?.some(isWildcard)) repeated += weight;
    else exact += weight;
  }
  return repeated * SHARDS.length <= exact;
}

const shards = new WeakMap<readonly VirtualHost[], ReadonlyMap<string, readonly VirtualHost[]>>();
const shardOfHost = new WeakMap<VirtualHost, string>();

/** The hosts by part. */
export function shardsOf(hosts: readonly VirtualHost[]): ReadonlyMap<string, readonly VirtualHost[]> {
  let parts = shards.get(hosts) as Map<string, VirtualHost[]> | undefined;
  if (parts) return parts;
  parts = new Map(SHARDS.map((shard) => [shard, []]));
  for (const host of hosts) {
    const [domain = '*'] = host.domains ?? [];
    if (isWildcard(domain)) {
      for (const part of parts.values()) part.push(host);
      continue;
    }
    let shard = shardOfHost.get(host);
    if (shard === undefined) {
      shard = shardOf(domain.toLowerCase());
      shardOfHost.set(host, shard);
    }
    parts.get(shard)!.push(host);
  }
  shards.set(hosts, parts);
  return parts;
}

/** What the HTTP connection manager is told instead of the name of one route configuration. */
export function scopedRoutes(route: string): Partial<Manager> {
  const bits = BITS.map(({ even }) => `%CEL(request.host.matches("${even}") ? "0" : "1")%`);
  return {
    early_header_mutation_extensions: [
      {
        name: 'envoy.http.early_header_mutation.header_mutation',
        typed_config: any('envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation', {
          mutations: [
            {
              append: {
                header: { key: SCOPE_HEADER, value: `${shardName(route, '').replaceAll('%', '%%')}${bits.join('')}` },
                append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
              },
            },
          ],
        }),
      },
    ],
    scoped_routes: {
      name: route,
      // Scopes are of the whole proxy, whichever listener asks, so the key says which route configuration is meant.
      scope_key_builder: {
        fragments: [{ header_value_extractor: { name: SCOPE_HEADER, index: 0 } }],
      },
      rds_config_source: ads(),
      scoped_rds: { scoped_rds_config_source: ads() },
    },
  };
}

/** The scopes of a route configuration in parts. */
export function scopesOf(evaluation: Evaluation, route: string): EnvoyResource[] {
  return SHARDS.flatMap((shard) => {
    const name = shardName(route, shard);
    const scope = evaluation.attempt(TypeUrl.scope, name, () => ({
      name,
      route_configuration_name: name,
      key: { fragments: [{ string_key: name }] },
    }));
    return scope === FAILED ? [] : [scope];
  });
}
