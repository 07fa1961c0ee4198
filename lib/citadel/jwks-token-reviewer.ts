/** Reviews tokens by the public keys of their issuer: for a laptop and for tests, where no API server knows what still lives. */
import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { type Clock, systemClock } from './clock';
import { checkClaims, readToken, serviceAccountOf, type UnverifiedToken } from './jwt';
import { TokenError, type TokenReviewer } from './token-reviewer';

export interface JwksTokenReviewerOptions {
  /** A JSON Web Key Set (RFC 7517). */
  readonly keys: readonly (JsonWebKey & { readonly kid?: string })[];
  readonly issuer: string;
  readonly audience: string;
  readonly clock?: Clock;
}

/** What a key of that type signs with; the token has no say in it beyond naming the same. */
const ALGORITHMS: Readonly<Record<string, string>> = { ec: 'ES256', rsa: 'RS256' };

/** @throws Error when a key of the set is no public key of RSA or P-256. */
export function jwksTokenReviewer({
  keys,
  issuer,
  audience,
  clock = systemClock,
}: JwksTokenReviewerOptions): TokenReviewer {
  const byId = new Map(keys.map(({ kid = '', ...key }) => [kid, publicKey(key)]));
  return {
    async review(token) {
      const read = readToken(token);
      const key = byId.get(read.header.kid ?? '');
      if (!key) throw new TokenError('the token is signed by a key that its issuer does not have');
      checkSignature(read, key);
      const { claims } = read;
      if (claims.iss !== issuer) throw new TokenError(`the token is not of issuer ${issuer}`);
      const expiresAt = checkClaims(claims, audience, clock());
      const { pod, node } = claims['kubernetes.io'] ?? {};
      const bound = pod?.name && pod.uid ? { pod: { name: pod.name, uid: pod.uid } } : {};
      return { ...serviceAccountOf(claims.sub), ...bound, node: node?.name, expiresAt };
    },
  };
}

function publicKey(jwk: JsonWebKey): KeyObject {
  if (jwk.d !== undefined || jwk.k !== undefined) throw new Error('a key set for reviews must hold public keys alone');
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const isKnown = key.asymmetricKeyType === 'rsa' || key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  if (!isKnown) throw new Error(`a key of type ${key.asymmetricKeyType} cannot review tokens: use RSA or ECDSA P-256`);
  return key;
}

function checkSignature({ header, content, signature }: UnverifiedToken, key: KeyObject): void {
  if (header.alg !== ALGORITHMS[key.asymmetricKeyType!] || header.crit !== undefined) {
    throw new TokenError('the token is signed in a way that its key is not for');
  }
  if (!verify('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' }, signature)) {
    throw new TokenError("the token's signature is wrong");
  }
}
