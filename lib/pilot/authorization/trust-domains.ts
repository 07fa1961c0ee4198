/** Trust domains that mean the same: the mesh's own and its aliases. */
import type { MeshConfig } from '../../api';

export const DEFAULT_TRUST_DOMAIN = 'cluster.local';

/** The mesh's trust domain first, then its aliases. */
export function trustDomainsOf({ trustDomain, trustDomainAliases = [] }: MeshConfig): readonly string[] {
  return [...new Set([trustDomain || DEFAULT_TRUST_DOMAIN, ...trustDomainAliases])];
}

/**
 * The trust domains, or patterns of such, that a name in a policy stands for. A name of the mesh, or `cluster.local`, stands for all names
 * of the mesh; those that a pattern covers already are not repeated. Foreign names stand for themselves.
 */
export function aliasesOf(name: string, trustDomains: readonly string[]): string[] {
  const covers = (domain: string) =>
    name === domain ||
    (name.startsWith('*') && domain.endsWith(name.slice(1))) ||
    (name.endsWith('*') && domain.startsWith(name.slice(0, -1)));
  if (name === '*' || (name !== DEFAULT_TRUST_DOMAIN && !trustDomains.some(covers))) return [name];
  return [...new Set(trustDomains.map((domain) => (covers(domain) ? name : domain)))];
}

/** `td/ns/shop/sa/web` under each name of its trust domain. Patterns that leave the trust domain open stay as they are. */
export function principalAliases(principal: string, trustDomains: readonly string[]): string[] {
  const slash = principal.indexOf('/');
  // A star is a wildcard only at the ends of the whole.
  if (slash < 0 || principal.lastIndexOf('*', slash) > 0) return [principal];
  return aliasesOf(principal.slice(0, slash), trustDomains).map((domain) => domain + principal.slice(slash));
}
