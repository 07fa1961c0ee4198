/** An issuer of tokens, for tests. */
import { exportJWK, generateKeyPair, type JWTPayload, type KeyLike, SignJWT } from 'jose';

export class TokenIssuer {
  private constructor(
    readonly name: string,
    readonly keyId: string,
    readonly privateKey: KeyLike,
    /** The public key set, as text. */
    readonly jwks: string,
  ) {}

  static async make(name: string, keyId = 'key-1'): Promise<TokenIssuer> {
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    const key = { ...(await exportJWK(publicKey)), kid: keyId, alg: 'RS256', use: 'sig' };
    return new TokenIssuer(name, keyId, privateKey, JSON.stringify({ keys: [key] }));
  }

  /** A good token for an hour, but for what the claims and the header say. Undefined takes a claim away. */
  async token(claims: JWTPayload = {}, header: Record<string, unknown> = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.name, sub: 'ana', exp: now + 3600, ...claims };
    const payload = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: this.keyId, ...header }).sign(this.privateKey);
  }
}

/** A token without, or with somebody else's idea of, a signature. */
export function unsigned(header: object, payload: object, signature = ''): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(payload)}.${signature}`;
}
