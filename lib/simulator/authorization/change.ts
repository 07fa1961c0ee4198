/** The smallest change of the policies that would turn a decision around. */
import type { AuthorizationPolicy } from '../../api';
import { fitsValue } from './attributes';
import type { Call } from './call';
import type { Decision, Judged, Setting } from './decide';
import { type Clause, clausesOf } from './rule';

/** One edit of one object. */
export interface Change {
  /** Absent where a new policy is needed. */
  readonly policy?: AuthorizationPolicy;
  /** `spec.rules[0].from[0].source.principals` */
  readonly path?: string;
  /** What to do there, as a sentence without its end. */
  readonly what: string;
}

/** One change, or several that only work together. */
export function smallestChange(decision: Decision, call: Call, setting: Setting): readonly Change[] {
  const { allowed, by, nearest } = decision;
  if (by) return [leaveOut(by, call, setting)];
  if (allowed) return [{ what: 'write an ALLOW policy for the workload: then only what its rules take is allowed' }];
  const [closest] = nearest;
  if (!closest) return [{ what: 'write an ALLOW policy with a rule that takes the call' }];
  return closest.misfits.map((clause) => takeIn(closest, clause, call, setting));
}

/** The rule as it would have to be to take the call. */
function takeIn({ policy, rule }: Judged, clause: Clause, call: Call, setting: Setting): Change {
  const path = `spec.rules[${rule}].${clause.path}`;
  if (clause.negated) {
    const hit = matching(clause, policy, call, setting, true);
    return { policy, path, what: `take ${list(hit)} out of ${path}` };
  }
  const value = valueOf(clause.key, call);
  if (value !== undefined) return { policy, path, what: `add ${JSON.stringify(value)} to ${path}` };
  return { policy, path, what: `leave out ${path}, which a call of this kind never meets` };
}

/** The rule as it would have to be to let the call alone: the condition that holds it by the fewest values. */
function leaveOut({ policy, rule }: Judged, call: Call, setting: Setting): Change {
  const { from, to, when } = clausesOf(policy.spec?.rules?.[rule] ?? {});
  const held = [...from.flat(), ...to.flat(), ...when]
    .filter(({ negated }) => !negated)
    .map((clause) => ({ clause, hit: matching(clause, policy, call, setting, false) }))
    .filter(({ hit }) => hit.length > 0)
    .sort((a, b) => a.hit.length - b.hit.length);
  const [least] = held;
  // An empty list would hold for everything.
  const isWhole = least && least.hit.length === least.clause.values.length;
  if (!least || isWhole) return { policy, path: `spec.rules[${rule}]`, what: `take out spec.rules[${rule}]` };
  const path = `spec.rules[${rule}].${least.clause.path}`;
  return { policy, path, what: `take ${list(least.hit)} out of ${path}` };
}

function matching(
  { key, values }: Clause,
  policy: AuthorizationPolicy,
  call: Call,
  { trustDomains }: Setting,
  generous: boolean,
): string[] {
  const place = { namespace: policy.metadata.namespace ?? 'default', trustDomains };
  return values.filter((value) => fitsValue(key, value, call, place, generous) ?? true);
}

function list(values: readonly string[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ');
}

/** What a policy would have to say to mean just this call. */
function valueOf(key: string, { peer, http, ...call }: Call): string | undefined {
  const principal = peer?.slice('spiffe://'.length);
  const [trustDomain, , namespace, , account] = principal?.split('/') ?? [];
  const claims = http?.claims ?? {};
  const known: Readonly<Record<string, unknown>> = {
    'source.principal': principal,
    'source.namespace': namespace,
    'source.serviceAccount': namespace && `${namespace}/${account}`,
    'source.trustDomain': trustDomain,
    'source.ip': call.sourceAddress,
    'remote.ip': call.remoteAddress ?? call.sourceAddress,
    'destination.ip': call.destinationAddress,
    'destination.port': String(call.destinationPort),
    'connection.sni': call.sni,
    'request.host': http?.authority,
    'request.method': http?.method,
    'request.path': http?.path.split('?', 1)[0],
    'request.auth.principal': claims['iss'] && claims['sub'] && `${claims['iss']}/${claims['sub']}`,
    'request.auth.audiences': [claims['aud']].flat()[0],
    'request.auth.presenter': claims['azp'],
  };
  const header = /^request\.headers\[(.+)\]$/.exec(key)?.[1];
  const value = header === undefined ? known[key] : http?.headers.get(header.toLowerCase())?.[0];
  return typeof value === 'string' ? value : undefined;
}
