/**
 * The reference: what AuthorizationPolicies say about a call, straight from the API's documents
 * (https://istio.io/latest/docs/reference/config/security/authorization-policy/), without a look at Envoy.
 */
import type { AuthorizationPolicy } from '../../api';
import type { Call } from './call';
import { type Clause, misfits } from './rule';

/** A rule, and what keeps it from fitting. */
export interface Judged {
  readonly policy: AuthorizationPolicy;
  readonly rule: number;
  readonly misfits: readonly Clause[];
}

export interface Decision {
  readonly allowed: boolean;
  /** The rule that decided; absent when nothing did: no ALLOW policy exists, or no rule of any fits. */
  readonly by?: Judged;
  /** What an ALLOW would have taken, where none fits; the nearest first. Policies without rules have none. */
  readonly nearest: readonly Judged[];
  /** The providers that the call was, or is to be, put before, with the rule that wants it. */
  readonly asked: readonly { readonly provider: string; readonly by: Judged }[];
  /** Whether an AUDIT policy fits. */
  readonly audited: boolean;
}

export interface Setting {
  /** Of the mesh: its own, and its aliases. */
  readonly trustDomains: readonly string[];
  /** What a provider says. Default: it cannot be asked, and so refuses. */
  readonly ask?: (provider: string) => boolean;
}

/**
 * @param policies that hold for the workload. Those on trial (`istio.io/dry-run`) decide nothing.
 */
export function decide(policies: readonly AuthorizationPolicy[], call: Call, setting: Setting): Decision {
  const inForce = policies.filter(({ metadata }) => !TRUE.includes(metadata.annotations?.['istio.io/dry-run'] ?? ''));
  const judged = (action: string) =>
    inForce
      .filter(({ spec }) => (spec?.action ?? 'ALLOW') === action)
      .flatMap((policy) =>
        (policy.spec?.rules ?? []).map((rule, index): Judged => {
          const place = { namespace: policy.metadata.namespace ?? 'default', trustDomains: setting.trustDomains };
          return { policy, rule: index, misfits: misfits(rule ?? {}, call, place, action === 'ALLOW') };
        }),
      );
  const fitting = (action: string) => judged(action).filter((each) => each.misfits.length === 0);
  const asked = fitting('CUSTOM').map((by) => ({ provider: by.policy.spec?.provider?.name ?? '', by }));
  const rest = { asked, audited: fitting('AUDIT').length > 0, nearest: [] };
  const refusing = asked.find(({ provider }) => !(setting.ask?.(provider) ?? false));
  if (refusing) return { ...rest, allowed: false, by: refusing.by };
  const [denying] = fitting('DENY');
  if (denying) return { ...rest, allowed: false, by: denying };
  if (!inForce.some(({ spec }) => (spec?.action ?? 'ALLOW') === 'ALLOW')) return { ...rest, allowed: true };
  const allowing = judged('ALLOW').sort((a, b) => a.misfits.length - b.misfits.length);
  if (allowing[0]?.misfits.length === 0) return { ...rest, allowed: true, by: allowing[0] };
  return { ...rest, allowed: false, nearest: allowing };
}

/** How the annotation may say yes. */
const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True'];
