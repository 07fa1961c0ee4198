/** What a token says about itself. Nothing of it is true before its signature, or the API server, has said so. */
import { formatIdentity } from '../world';
import { TokenError, type TokenIdentity } from './token-reviewer';

/** Of a projected service-account token. */
export interface TokenClaims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly exp?: number;
  readonly nbf?: number;
  readonly 'kubernetes.io'?: {
    readonly namespace?: string;
    readonly pod?: { readonly name?: string; readonly uid?: string };
    readonly node?: { readonly name?: string };
  };
}

export interface UnverifiedToken {
  readonly header: { readonly alg?: string; readonly kid?: string; readonly crit?: unknown };
  readonly claims: TokenClaims;
  /** What is signed. */
  readonly content: string;
  readonly signature: Buffer;
}

/** A service-account token has about 1 kB. */
const MAX_TOKEN_LENGTH = 8_192;
const USERNAME = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** @throws TokenError */
export function readToken(token: string): UnverifiedToken {
  if (token.length > MAX_TOKEN_LENGTH) throw new TokenError(`the token has more than ${MAX_TOKEN_LENGTH} characters`);
  const [header, claims, signature, ...rest] = token.split('.');
  if (!header || !claims || !signature || rest.length > 0) throw new TokenError('the token is not a signed JWT');
  return {
    header: objectOf(header),
    claims: objectOf(claims),
    content: `${header}.${claims}`,
    signature: bytesOf(signature),
  };
}

/** Node's decoder passes over what is no base64url; a token would have many spellings. @throws TokenError */
function bytesOf(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw new TokenError('the token is not written in base64url (RFC 7515)');
  return bytes;
}

function objectOf(part: string): object {
  try {
    const value: unknown = JSON.parse(bytesOf(part).toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // The message would hold parts of the token.
  }
  throw new TokenError('the token is not a JWT of JSON objects');
}

/**
 * Refuses what is over, or for somebody else: whoever gets a token for us could else be shown one that was made for others.
 * @returns when it ends
 * @throws TokenError
 */
export function checkClaims({ aud, exp, nbf }: TokenClaims, audience: string, now: Date): Date {
  const audiences = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : [];
  if (!audiences.includes(audience)) throw new TokenError(`the token is not for the audience ${audience}`);
  if (typeof exp !== 'number') throw new TokenError('the token never expires: use a projected one');
  // JSON has numbers that no date has.
  if (!(exp * 1000 <= LAST_DATE_MS)) throw new TokenError('the token ends at no date');
  if (now.getTime() >= exp * 1000) throw new TokenError('the token has expired');
  if (typeof nbf === 'number' && now.getTime() < nbf * 1000 - SKEW_MS)
    throw new TokenError('the token is not valid yet');
  return new Date(exp * 1000);
}

const SKEW_MS = 60_000;
/** ECMAScript, section 21.4.1.1. */
const LAST_DATE_MS = 8.64e15;

/** The service account of a user name. @throws TokenError when it is that of somebody else, or could not be in a SPIFFE id. */
export function serviceAccountOf(username: string | undefined): Pick<TokenIdentity, 'namespace' | 'serviceAccount'> {
  // Claims may be of any type, and a list of one text reads like that text.
  const match = typeof username === 'string' ? USERNAME.exec(username) : null;
  if (!match) throw new TokenError('the token is not that of a service account');
  const [, namespace = '', serviceAccount = ''] = match;
  try {
    formatIdentity({ trustDomain: 'any', namespace, serviceAccount });
  } catch (error) {
    throw new TokenError((error as Error).message);
  }
  return { namespace, serviceAccount };
}

/**
 * Of which service account a token says to be, `namespace/account`, for the log: whoever is refused should be known by name.
 * Undefined where it says nothing of that kind; nothing else of a token is ever told.
 */
export function claimantOf(token: string): string | undefined {
  try {
    const { namespace, serviceAccount } = serviceAccountOf(readToken(token).claims.sub);
    return `${namespace}/${serviceAccount}`;
  } catch {
    return undefined;
  }
}
