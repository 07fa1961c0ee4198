/**
 * SPIFFE identities of Kubernetes workloads: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
 *
 * Parsing is deliberately stricter than a URL parser: one identity has exactly one spelling, so two identities are equal
 * exactly when their strings are. Nothing is decoded, trimmed or lower-cased on the way.
 */

/** Who a workload is. */
export interface Identity {
  /** Lower-case letters, digits, dots, dashes and underscores; at most 255. */
  readonly trustDomain: string;
  /** A Kubernetes namespace: a DNS label (RFC 1123). */
  readonly namespace: string;
  /** A Kubernetes service account: a DNS subdomain (RFC 1123). */
  readonly serviceAccount: string;
}

/** A SPIFFE id that is not one, or a name that cannot be part of one. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
}

const SCHEME = 'spiffe://';
/** SPIFFE-ID, section 2: the whole id has at most 2048 bytes. */
const LONGEST = 2048;

interface Rule {
  readonly field: keyof Identity;
  readonly noun: string;
  readonly pattern: RegExp;
  readonly longest: number;
  readonly allowed: string;
}

const RULES: readonly Rule[] = [
  {
    field: 'trustDomain',
    noun: 'trust domain',
    // SPIFFE-ID, section 2.1. A name of dots alone would read as a relative path.
    pattern: /^(?!\.+$)[a-z0-9._-]+$/,
    longest: 255,
    allowed: 'lower-case letters, digits, ".", "-" and "_", at most 255',
  },
  {
    field: 'namespace',
    noun: 'namespace',
    pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/,
    longest: 63,
    allowed: 'a DNS label: lower-case letters, digits and "-", at most 63',
  },
  {
    field: 'serviceAccount',
    noun: 'service account',
    pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/,
    longest: 253,
    allowed: 'a DNS subdomain: lower-case letters, digits, "-" and ".", at most 253',
  },
];

/**
 * Reads a SPIFFE id.
 * @throws IdentityError when `text` is not exactly `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
 */
export function parseIdentity(text: string): Identity {
  if (text.length > LONGEST) {
    throw new IdentityError(`SPIFFE id of ${text.length} characters: at most ${LONGEST} are allowed`);
  }
  const parts = text.startsWith(SCHEME) ? text.slice(SCHEME.length).split('/') : [];
  const [trustDomain, ns, namespace, sa, serviceAccount] = parts;
  if (parts.length !== 5 || ns !== 'ns' || sa !== 'sa') {
    throw new IdentityError(
      `not the SPIFFE id of a workload: got ${quote(text)}, want ${SCHEME}<trust domain>/ns/<namespace>/sa/<service account>`,
    );
  }
  const identity = { trustDomain: trustDomain!, namespace: namespace!, serviceAccount: serviceAccount! };
  check(identity, ` in SPIFFE id ${quote(text)}`);
  return identity;
}

/**
 * Writes a SPIFFE id; `parseIdentity` reads it back to an equal identity.
 * @throws IdentityError when a part holds a character that it may not hold.
 */
export function formatIdentity(identity: Identity): string {
  check(identity, '');
  return `${SCHEME}${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
}

function check(identity: Identity, where: string): void {
  for (const { field, noun, pattern, longest, allowed } of RULES) {
    const value = identity[field];
    if (value.length > longest || !pattern.test(value)) {
      throw new IdentityError(`${noun} ${quote(value)}${where} is not allowed: use ${allowed}`);
    }
  }
}

/** Escapes what a terminal or a log would act on, and bounds the length: the text may come from an attacker. */
function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
