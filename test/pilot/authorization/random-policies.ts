/**
 * Random AuthorizationPolicies, and requests that are built from their literals: most meet a rule in full, or in all but
 * one place, since requests out of thin air would nearly all be refused.
 */
import type { AuthorizationPolicy, Rule } from '../../../lib/api';
import { type Call, type Clause, clausesOf } from '../../../lib/simulator/authorization';
import { parseIdentity } from '../../../lib/world';
import { type Ask, NAMESPACE, type Ports } from './policed-envoy';

export type Random = <V>(choices: readonly V[]) => V;

/** Always the same choices for a seed (the generator of D. Lehmer, with Park and Miller's numbers). */
export function randomFrom(seed: number): Random {
  let state = (seed * 16_807) % 2_147_483_647 || 1;
  return (choices) => {
    state = (state * 16_807) % 2_147_483_647;
    return choices[state % choices.length]!;
  };
}

export interface PolicyPlace {
  readonly ports: Ports;
  /** Of the workload. */
  readonly address: string;
  readonly trustDomains: readonly string[];
}

const DOMAINS = ['cluster.local', 'old.example', 'oldxexample', 'partner.example'];
const NAMESPACES = ['shop', 'shop2', 'batch', 'team-a'];
const ACCOUNTS = ['page', 'job.v1', 'jobxv1', 'reader'];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'];
const CLAIMS = ['admin', 'adm', 'guest', 'red.team', 'redxteam'];
export const ISSUER = 'https://id.example';
const SUBJECTS = ['ana', 'ana2', 'org/bob'];

/** Values that policies use, by attribute. */
function valuesFor(key: string, random: Random, { ports, address }: PolicyPlace): string {
  const principal = () => `${random(DOMAINS)}/ns/${random(NAMESPACES)}/sa/${random(ACCOUNTS)}`;
  switch (key) {
    case 'source.principal': {
      const name = principal();
      const [domain] = name.split('/', 1);
      const rest = name.slice(domain!.length);
      return random([
        name,
        name,
        name,
        '*',
        `*${rest}`,
        `${name.slice(0, -2)}*`,
        `*${domain!.slice(4)}${rest}`,
        `${domain}/ns/shop/*`,
      ]);
    }
    case 'source.namespace':
      return pattern(random(NAMESPACES), random);
    case 'source.serviceAccount':
      return random([random(ACCOUNTS), `${random(NAMESPACES)}/${random(ACCOUNTS)}`]);
    case 'source.trustDomain':
      return pattern(random(DOMAINS), random);
    case 'source.ip':
      return random(['127.9.0.0/16', '127.9.1.1', '127.8.1.1', '127.0.0.0/8', '10.0.0.0/8', '2001:db8::/32']);
    case 'remote.ip':
      return random(['192.0.2.0/24', '192.0.2.7', '198.51.100.7', '127.0.0.0/8', '2001:db8::/32', '2001:db8::7']);
    case 'destination.ip':
      return random([address, '127.0.0.0/8', '10.0.0.1', '10.0.0.0/8', '2001:db8::1']);
    case 'destination.port':
      return String(random([ports.http, ports.tcp, ports.tcp, 9999, 9999]));
    case 'connection.sni':
      return pattern(random(['server.shop', 'serverxshop', 'a.server.shop']), random);
    case 'request.host':
      return pattern(
        random(['shop.example', 'Shop.Example', 'shopxexample', 'a.shop.example', 'shop.example:8080']),
        random,
      );
    case 'request.method':
      return random([...METHODS, 'P*', '*T', '*']);
    case 'request.path': {
      const path = random(['/a', '/a/b', '/a.b', '/axb', '/a/b/c.png']);
      return random([
        path,
        path,
        `${path}*`,
        `*${path.slice(2)}`,
        '*',
        '/a/{*}',
        '/{*}/b',
        '/a/{**}',
        '/a/{*}/{**}',
        '/{**}/c.png',
        '/a.b/{*}',
      ]);
    }
    case 'request.auth.principal': {
      const name = `${ISSUER}/${random(SUBJECTS)}`;
      return random([
        name,
        name,
        '*',
        `${name.slice(0, -2)}*`,
        `*${name.slice(12)}`,
        `${ISSUER}/*`,
        'https://*',
        '*/ana',
        '*bob',
        `${name}/x`,
      ]);
    }
    default:
      return pattern(random(CLAIMS), random);
  }
}

function pattern(text: string, random: Random): string {
  const middle = Math.ceil(text.length / 2);
  return random([text, text, text, `${text.slice(0, middle)}*`, `*${text.slice(middle)}`, '*']);
}

const SOURCE_FIELDS = [
  'principals',
  'requestPrincipals',
  'namespaces',
  'serviceAccounts',
  'trustDomains',
  'ipBlocks',
  'remoteIpBlocks',
];
const OPERATION_FIELDS = ['hosts', 'ports', 'methods', 'paths'];
export const CONDITION_KEYS = [
  'source.ip',
  'remote.ip',
  'source.namespace',
  'source.principal',
  'source.serviceAccount',
  'source.trustDomain',
  'destination.ip',
  'destination.port',
  'connection.sni',
  'request.headers[x-team]',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'request.auth.claims[groups]',
  'request.auth.claims[realm][roles]',
];

/** Every field that a rule may have, as `fieldOf` names it. */
export const ALL_FIELDS: readonly string[] = [
  ...[...SOURCE_FIELDS, ...OPERATION_FIELDS].flatMap((field) => [field, negated(field)]),
  ...CONDITION_KEYS.flatMap((key) => [`${key} values`, `${key} notValues`]),
];

function negated(field: string): string {
  return `not${field[0]!.toUpperCase()}${field.slice(1)}`;
}

/** `principals`, or `source.ip notValues`. */
export function fieldOf({ path, key }: Pick<Clause, 'path' | 'key'>): string {
  const last = path.slice(path.lastIndexOf('.') + 1);
  return path.startsWith('when') ? `${key} ${last}` : last;
}

function keyOfField(field: string): string {
  const { from, to } = clausesOf({ from: [{ source: { [field]: ['x'] } }], to: [{ operation: { [field]: ['x'] } }] });
  return (SOURCE_FIELDS.includes(field) ? from : to)[0]![0]!.key;
}

function randomFields(fields: readonly string[], random: Random, place: PolicyPlace): Record<string, string[]> {
  // A service account has no place beside names that say the namespace already.
  const chosen = new Set([random(fields), ...(random([0, 0, 0, 1]) ? [random(fields)] : [])]);
  if (chosen.has('serviceAccounts')) chosen.delete('principals') && chosen.delete('namespaces');
  return Object.fromEntries(
    [...chosen].map((field) => [random([field, negated(field)]), randomValues(keyOfField(field), random, place)]),
  );
}

function randomValues(key: string, random: Random, place: PolicyPlace): string[] {
  return Array.from({ length: random([1, 1, 2]) }, () => valuesFor(key, random, place));
}

function randomRule(random: Random, place: PolicyPlace): Rule {
  const parts = random([
    'from',
    'from',
    'from',
    'to',
    'when',
    'when',
    'when',
    'when',
    'from to',
    'from when',
    'to when',
  ]);
  const some = <V>(make: () => V) => Array.from({ length: random([1, 1, 1, 2]) }, make);
  return {
    ...(parts.includes('from') && { from: some(() => ({ source: randomFields(SOURCE_FIELDS, random, place) })) }),
    ...(parts.includes('to') && { to: some(() => ({ operation: randomFields(OPERATION_FIELDS, random, place) })) }),
    ...(parts.includes('when') && {
      when: some(() => {
        const key = random(CONDITION_KEYS);
        const values = () => randomValues(key, random, place);
        return random([
          { key, values: values() },
          { key, values: values() },
          { key, notValues: values() },
          { key, notValues: values() },
          ...(random([0, 1]) ? [{ key, values: values(), notValues: values() }] : []),
        ]);
      }),
    }),
  };
}

/** A rule that says nothing but this. */
function ruleOf(field: string, random: Random, place: PolicyPlace): Rule {
  const [key, part] = field.split(' ');
  if (part) return { when: [{ key: key!, [part]: randomValues(key!, random, place) }] };
  const fields = { [field]: randomValues(keyOfField(field), random, place) };
  return OPERATION_FIELDS.some((name) => field === name || field === negated(name))
    ? { to: [{ operation: fields }] }
    : { from: [{ source: fields }] };
}

const ACTIONS = ['ALLOW', 'ALLOW', 'ALLOW', 'DENY', 'DENY', 'AUDIT', 'CUSTOM'] as const;

/** One to three policies for one workload; the first has a rule that is about `field` alone. */
export function randomPolicies(field: string, random: Random, place: PolicyPlace): AuthorizationPolicy[] {
  const first = policy('first', random(['ALLOW', 'ALLOW', 'DENY']), [ruleOf(field, random, place)], random);
  const others = Array.from({ length: random([0, 0, 0, 1, 2]) }, (_, index) => {
    const rules = Array.from({ length: random([1, 1, 2]) }, () => randomRule(random, place));
    const made = policy(`other-${index}`, random(ACTIONS), rules, random);
    return random([0, 0, 0, 1]) ? { ...made, metadata: { ...made.metadata, annotations: ON_TRIAL } } : made;
  });
  return [first, ...others];
}

const ON_TRIAL = { 'istio.io/dry-run': 'true' };

function policy(name: string, action: (typeof ACTIONS)[number], rules: Rule[], random: Random): AuthorizationPolicy {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: random([NAMESPACE, NAMESPACE, 'istio-system']) },
    spec: { action, rules, ...(action === 'CUSTOM' && { provider: { name: 'nobody' } }) },
  };
}

/** What `Ask` has, with the token in the clear. */
export type RandomAsk = Ask & { readonly claims?: Readonly<Record<string, unknown>> };

/** A request built from the literals of the policies. */
export function randomAsk(policies: readonly AuthorizationPolicy[], random: Random, place: PolicyPlace): RandomAsk {
  const rules: { rule: Rule; action?: string }[] = policies.flatMap(({ spec }) =>
    (spec?.rules ?? []).map((rule) => ({ rule, action: spec?.action })),
  );
  const identity = `spiffe://${random(place.trustDomains)}/ns/${random(NAMESPACES)}/sa/${random(ACCOUNTS)}`;
  let ask: RandomAsk = {
    ...(random([0, 1]) && { identity }),
    ...(random([0, 0, 1]) && { claims: { iss: ISSUER, sub: random(SUBJECTS), groups: [random(CLAIMS)] } }),
    ...(random([0, 0, 0, 0, 0, 0, 1]) && { tcp: true }),
  };
  const allowing = rules.filter(({ action }) => action === 'ALLOW');
  const chosen = random(
    allowing.length > 0 && random([0, 1, 1, 1]) ? allowing : rules.length > 0 ? rules : [{ rule: {} }],
  );
  const { from, to, when } = clausesOf(chosen.rule);
  const clauses = [...random(from), ...random(to), ...when];
  // The values of one rule, in the order in which later ones do not undo earlier ones.
  for (const clause of clauses)
    if (!clause.negated) ask = meeting(ask, clause.key, random(clause.values), random, place);
  // What a rule excludes, now and then.
  const excluded = clauses.filter(({ negated }) => negated);
  if (excluded.length > 0 && random([0, 1])) {
    const { key, values } = random(excluded);
    ask = meeting(ask, key, random(values), random, place);
  }
  const others = rules.flatMap(({ rule }) => {
    const all = clausesOf(rule);
    return [...all.from.flat(), ...all.to.flat(), ...all.when];
  });
  if (others.length > 0 && random([0, 1])) {
    const { key, values } = random(others);
    const near = random([mutation(random(values), random), valuesFor(key, random, place)]);
    ask = meeting(ask, key, near, random, place);
  }
  return ask;
}

/** A text near a pattern. */
function mutation(text: string, random: Random): string {
  const at = random([...text].map((_, index) => index));
  return random([
    text,
    text.replace('.', 'x'),
    text.replace('*', ''),
    `${text}x`,
    `x${text}`,
    text.slice(0, at) + text.slice(at + 1),
    text.toUpperCase(),
    text.toLowerCase(),
    `${text}:8080`,
    `${text}.`,
    `${text}/`,
    text.replace('/', '/x/'),
    text.replace('/b', ';x/b'),
    `${text};x`,
  ]);
}

/** The request, changed so that the value (or what comes near, where it cannot be sent) stands for the attribute. */
function meeting(ask: RandomAsk, key: string, value: string, random: Random, place: PolicyPlace): RandomAsk {
  const text = filled(value, random);
  const [domain = 'cluster.local', namespace = NAMESPACE, account = 'page'] = partsOf(ask.identity);
  const as = (parts: { domain?: string; namespace?: string; account?: string }) => {
    const all = { domain, namespace, account, ...parts };
    const identity = `spiffe://${all.domain}/ns/${all.namespace}/sa/${all.account}`;
    return isIdentity(identity) ? { ...ask, identity } : ask;
  };
  const claims = (some: object) => ({ ...ask, claims: { iss: ISSUER, sub: 'ana', ...ask.claims, ...some } });
  switch (key) {
    case 'source.principal': {
      const [named, ns, account] = partsOf(`spiffe://${text}`);
      if (ns !== undefined) return as({ domain: random([named!, ...place.trustDomains]), namespace: ns, account });
      return value.startsWith('*') ? as({ account: text.split('/').pop() }) : as({});
    }
    case 'source.namespace':
      return as({ namespace: text });
    case 'source.serviceAccount': {
      const [first, second] = value.split('/');
      return second === undefined
        ? as({ namespace: NAMESPACE, account: first })
        : as({ namespace: first, account: second });
    }
    case 'source.trustDomain':
      return as({ domain: text });
    case 'source.ip':
      return { ...ask, address: random(['127.9.1.1', '127.9.1.2', '127.8.1.1', '127.0.0.1']) };
    case 'remote.ip':
      return {
        ...ask,
        headers: {
          ...ask.headers,
          'x-forwarded-for': random(['192.0.2.7', '192.0.2.8', '198.51.100.7', '2001:db8::7', '10.9.9.9, 192.0.2.7']),
        },
      };
    case 'destination.port':
      return { ...ask, tcp: value === String(place.ports.tcp) };
    case 'connection.sni':
      return /^[a-z][a-z.]*[a-z]$/.test(text) ? { ...ask, sni: text } : ask;
    case 'request.host':
      return /^[a-zA-Z][a-zA-Z0-9.-]*(:\d+)?$/.test(text) ? { ...ask, host: text } : ask;
    case 'request.method':
      return { ...ask, method: METHODS.includes(text) ? text : random(METHODS) };
    case 'request.path':
      return /^(\/[a-zA-Z0-9]+(\.[a-z]+)?(;[a-z]+)?)+\/?$/.test(text)
        ? { ...ask, path: random([text, text, `${text}?q=/a`]) }
        : ask;
    case 'request.headers[x-team]': {
      const values = random([text, text, [text, 'other'], ['other', text], '']);
      return { ...ask, headers: { ...ask.headers, 'x-team': values } };
    }
    case 'request.auth.principal': {
      const sub = text.startsWith(`${ISSUER}/`) ? text.slice(ISSUER.length + 1) : text.split('/').pop();
      return claims({ sub: sub || 'ana' });
    }
    case 'request.auth.audiences':
      return claims({ aud: random([text, [text, 'x']]) });
    case 'request.auth.presenter':
      return claims({ azp: text });
    case 'request.auth.claims[groups]':
      return claims({ groups: random([text, [text], ['x', text], [], { [text]: text }]) });
    case 'request.auth.claims[realm][roles]':
      return claims({ realm: random([{ roles: [text] }, { roles: text }, { roles: { x: text } }, [text]]) });
    default:
      return ask;
  }
}

/** Whether a certificate can have it. */
function isIdentity(text: string): boolean {
  try {
    return parseIdentity(text) !== undefined;
  } catch {
    return false;
  }
}

function partsOf(identity: string | undefined): string[] {
  const parts = identity?.slice('spiffe://'.length).split('/') ?? [];
  return parts.length === 5 ? [parts[0]!, parts[2]!, parts[4]!] : [];
}

/** A text that fits the pattern. */
function filled(pattern: string, random: Random): string {
  return pattern
    .replaceAll('{**}', random(['x', 'x/y', 'a/b/c']))
    .replaceAll('{*}', random(['x', 'b']))
    .replaceAll('*', random(['', 'x', 'admin']));
}

/** The request as the evaluators see it. */
export function callOf(ask: RandomAsk, { ports, address }: PolicyPlace): Call {
  const headers = Object.entries(ask.headers ?? {}).map(
    ([name, value]) => [name.toLowerCase(), typeof value === 'string' ? [value] : value] as const,
  );
  const sourceAddress = ask.address ?? '127.0.0.1';
  const forwarded = new Map(headers).get('x-forwarded-for')?.[0]?.split(', ').pop();
  const base = {
    peer: ask.identity,
    sni: ask.sni,
    sourceAddress,
    destinationAddress: address,
    destinationPort: ask.tcp ? ports.tcp : ports.http,
  };
  if (ask.tcp) return base;
  return {
    ...base,
    remoteAddress: forwarded ?? sourceAddress,
    http: {
      method: ask.method ?? 'GET',
      authority: ask.host ?? 'server.shop',
      path: ask.path ?? '/',
      headers: new Map(headers),
      claims: ask.claims,
    },
  };
}
