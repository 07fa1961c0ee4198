/**
 * The attributes that rules compare, by the API's names (https://istio.io/latest/docs/reference/config/security/conditions/),
 * and how Envoy's RBAC finds them. `from` and `to` are other spellings of the same attributes.
 */
import { isIP } from 'node:net';
import type { envoy } from '../../envoy/generated/envoy';
import { JWT_AUTHN_FILTER, JWT_PAYLOAD } from '../names';
import { ANYTHING, expression, literal, stringPattern } from './pattern';
import { aliasesOf, principalAliases } from './trust-domains';

type Permission = envoy.config.rbac.v3.Permission;
type Principal = envoy.config.rbac.v3.Principal;
type StringMatcher = envoy.type.matcher.v3.StringMatcher;
type HeaderMatcher = envoy.config.route.v3.HeaderMatcher;
type MetadataMatcher = envoy.type.matcher.v3.MetadataMatcher;

/** What the names in a policy refer to. */
export interface Place {
  /** The policy's namespace, in which service accounts without one are. */
  readonly namespace: string;
  /** Of the mesh, its own first. */
  readonly trustDomains: readonly string[];
}

/**
 * @param value of the policy.
 * @param generous whether to match more is on the safe side: the match leads to a refusal.
 * @returns matchers of which one has to match, or undefined for a value that cannot be compared.
 */
type Matchers<M> = (value: string, place: Place, generous: boolean) => M[] | undefined;

export type Attribute =
  | { readonly of: 'permission'; readonly http: boolean; readonly matchers: Matchers<Permission> }
  | { readonly of: 'principal'; readonly http: boolean; readonly matchers: Matchers<Principal> };

/** Undefined for a key that the API does not have. */
export function attributeNamed(key: string): Attribute | undefined {
  const plain = PLAIN[key];
  if (plain) return plain;
  const [name, ...path] = key.replace(/\]$/, '').split('[');
  const parts = path.map((part) => part.replace(/\]$/, ''));
  if (parts.length === 0 || parts.includes('')) return undefined;
  if (name === 'request.headers' && parts.length === 1) return header(parts[0]!);
  if (name === 'request.auth.claims') return claim(parts);
  if (name!.startsWith(ENVOY_FILTERS) && parts.length === 1) return filterMetadata(name!, parts[0]!);
  return undefined;
}

const ENVOY_FILTERS = 'experimental.envoy.filters.';

const PLAIN: Readonly<Record<string, Attribute>> = {
  'source.principal': identity((value, { trustDomains }) =>
    principalAliases(value, trustDomains).map(principalPattern),
  ),
  // An identity is `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`. Only the trust domain's own names are free of slashes
  // for certain, so each part is held to its place by what comes before it.
  'source.namespace': identity((value) => [regex(`spiffe://[^/]+/ns/${expression(value, '[^/]*')}/.*`)]),
  'source.serviceAccount': identity((value, place) => {
    const slash = value.indexOf('/');
    const [namespace, account] = slash < 0 ? [place.namespace, value] : [value.slice(0, slash), value.slice(slash + 1)];
    return [regex(`spiffe://[^/]+/ns/${literal(namespace)}/sa/${literal(account)}`)];
  }),
  'source.trustDomain': identity((value, { trustDomains }) =>
    aliasesOf(value, trustDomains).map((name) => regex(`spiffe://${expression(name, '[^/]*')}/.*`)),
  ),
  'source.ip': address('principal', (range) => ({ direct_remote_ip: range })),
  'remote.ip': address('principal', (range) => ({ remote_ip: range })),
  'request.auth.principal': { of: 'principal', http: true, matchers: requestPrincipal },
  'request.auth.audiences': claim(['aud']),
  'request.auth.presenter': claim(['azp']),
  'request.host': {
    of: 'permission',
    http: true,
    matchers: (value, _, generous) => [{ header: hostMatcher(value, generous) }],
  },
  'request.method': {
    of: 'permission',
    http: true,
    matchers: (value) => [{ header: headerMatcher(':method', value) }],
  },
  'request.path': {
    of: 'permission',
    http: true,
    matchers: (value, _, generous) => [{ url_path: { path: pathMatcher(value, generous) } }],
  },
  'destination.ip': address('permission', (range) => ({ destination_ip: range })),
  'destination.port': {
    of: 'permission',
    http: false,
    matchers: (value) =>
      /^\d{1,5}$/.test(value) && Number(value) <= 65535 ? [{ destination_port: Number(value) }] : undefined,
  },
  'connection.sni': {
    of: 'permission',
    http: false,
    matchers: (value) => [{ requested_server_name: stringPattern(value) }],
  },
};

function regex(text: string): StringMatcher {
  return { safe_regex: { regex: text } };
}

/** From the certificate that the peer has proven: its URI name. */
function identity(names: (value: string, place: Place) => StringMatcher[]): Attribute {
  return {
    of: 'principal',
    http: false,
    matchers: (value, place) => names(value, place).map((name) => ({ authenticated: { principal_name: name } })),
  };
}

const SCHEME = 'spiffe://';

function principalPattern(pattern: string): StringMatcher {
  if (pattern === ANYTHING) return stringPattern(pattern);
  if (pattern.startsWith('*')) return regex(`${SCHEME}.*${literal(pattern.slice(1))}`);
  return stringPattern(SCHEME + pattern);
}

function address<Of extends 'permission' | 'principal'>(
  of: Of,
  matcher: (range: envoy.config.core.v3.CidrRange) => Of extends 'permission' ? Permission : Principal,
): Attribute {
  const matchers = (value: string) => {
    const range = cidrRange(value);
    return range && [matcher(range)];
  };
  return { of, http: false, matchers } as Attribute;
}

/** `10.0.0.0/8`, or one address. */
function cidrRange(value: string): envoy.config.core.v3.CidrRange | undefined {
  const [prefix, length, ...rest] = value.split('/');
  const longest = { 0: undefined, 4: 32, 6: 128 }[isIP(prefix!)];
  const bits = length === undefined ? longest : Number(length);
  if (longest === undefined || bits === undefined || rest.length > 0) return undefined;
  if ((length !== undefined && !/^\d+$/.test(length)) || bits > longest) return undefined;
  return { address_prefix: prefix, prefix_len: bits };
}

/**
 * The principal of a token is `ISSUER/SUBJECT`, and both may hold slashes: the pattern is split at each of its own, and
 * where it has an open end also matches when the slash lies beyond.
 */
function requestPrincipal(pattern: string): Principal[] {
  const both = (issuer: StringMatcher, subject: StringMatcher): Principal => ({
    and_ids: { ids: [claimIs(['iss'], { string_match: issuer }), claimIs(['sub'], { string_match: subject })] },
  });
  const something = stringPattern(ANYTHING);
  if (pattern === ANYTHING) return [both(something, something)];
  const slashes = [...pattern].flatMap((character, index) => (character === '/' ? [index] : []));
  const split = slashes.map((at) => both(stringOrAny(pattern.slice(0, at)), stringOrAny(pattern.slice(at + 1))));
  if (pattern.startsWith('*')) return [...split, both(something, stringPattern(pattern))];
  if (pattern.endsWith('*')) return [...split, both(stringPattern(pattern), something)];
  return split;
}

/** An empty part has no claim that it could equal, and Envoy refuses it as prefix or suffix. */
function stringOrAny(pattern: string): StringMatcher {
  return pattern === '' ? { exact: '' } : stringPattern(pattern);
}

/** A claim is a text or a list of texts. */
function claim(path: readonly string[]): Attribute {
  return {
    of: 'principal',
    http: true,
    matchers: (value) => {
      const string_match = stringPattern(value);
      return [
        claimIs(path, {
          or_match: { value_matchers: [{ string_match }, { list_match: { one_of: { string_match } } }] },
        }),
      ];
    },
  };
}

function claimIs(path: readonly string[], value: envoy.type.matcher.v3.ValueMatcher): Principal {
  return { metadata: metadataMatcher(JWT_AUTHN_FILTER, [JWT_PAYLOAD, ...path], value) };
}

function metadataMatcher(
  filter: string,
  path: readonly string[],
  value: envoy.type.matcher.v3.ValueMatcher,
): MetadataMatcher {
  return { filter, path: path.map((key) => ({ key })), value };
}

function header(name: string): Attribute {
  return { of: 'principal', http: true, matchers: (value) => [{ header: headerMatcher(name, value) }] };
}

function headerMatcher(name: string, value: string): HeaderMatcher {
  return value === ANYTHING ? { name, present_match: true } : { name, string_match: stringPattern(value) };
}

/**
 * Hosts are compared as the client wrote them, without regard to case. Where matching leads to a refusal, a port or the
 * final dot of a complete name, which servers ignore, do not help to get around it.
 */
function hostMatcher(pattern: string, generous: boolean): HeaderMatcher {
  const name = ':authority';
  if (pattern === ANYTHING) return { name, present_match: true };
  const isOpen = pattern.endsWith('*') || /:\d+$/.test(pattern);
  if (!generous || isOpen) return { name, string_match: stringPattern(pattern, true) };
  const host = pattern.startsWith('*') ? `.*${literal(pattern.slice(1))}` : literal(pattern);
  return { name, string_match: regex(`(?i)${host}\\.?(:[0-9]*)?`) };
}

/**
 * `{*}` is one segment of the path, `{**}` any number of them; without these it is a pattern as any other. Where matching
 * leads to a refusal, parameters of segments (`/admin;x=1`), which many servers ignore, do not help to get around it.
 */
function pathMatcher(pattern: string, generous: boolean): StringMatcher {
  const isTemplate = /\{\*\*?\}/.test(pattern);
  if (pattern === ANYTHING || (!isTemplate && !generous)) return stringPattern(pattern);
  const isPrefix = !isTemplate && !pattern.startsWith('*') && pattern.endsWith('*');
  const parts = isTemplate ? pattern.split(/(\{\*\*?\})/) : pattern.split(/(^\*|\*$)/);
  const text = parts.map((part) => WILDCARDS[part] ?? segments(part, generous)).join('');
  return regex(generous && !isPrefix ? text + PARAMETERS : text);
}

const WILDCARDS: Readonly<Record<string, string>> = { '{*}': '[^/]+', '{**}': '.*', '*': '.*' };
const PARAMETERS = '(;[^/]*)?';

function segments(text: string, generous: boolean): string {
  return text
    .split('/')
    .map(literal)
    .join(generous ? `${PARAMETERS}/` : '/');
}

/** `experimental.envoy.filters.NAME[KEY]`: what a filter has written down. A value in brackets is one of a list. */
function filterMetadata(name: string, key: string): Attribute {
  const filter = name.slice('experimental.'.length);
  return {
    of: 'permission',
    http: false,
    matchers: (value) => {
      const isElement = value.startsWith('[') && value.endsWith(']');
      const string_match = stringPattern(isElement ? value.slice(1, -1) : value);
      return [
        {
          metadata: metadataMatcher(
            filter,
            [key],
            isElement ? { list_match: { one_of: { string_match } } } : { string_match },
          ),
        },
      ];
    },
  };
}
