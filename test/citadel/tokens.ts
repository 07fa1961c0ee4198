/** Service-account tokens as a cluster makes them, and good ones gone wrong. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export const AUDIENCE = 'malha.dev';
export const ISSUER = 'https://kubernetes.default.svc';
export const NOW = Date.parse('2026-03-01T12:00:00Z');

export const issuerKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

export interface TokenOptions {
  readonly claims?: object;
  readonly header?: object;
  readonly key?: KeyObject;
  readonly now?: number;
}

/** Of Pod `web-1` of service account `web` in namespace `shop`, good for an hour. */
export function token({ claims = {}, header = {}, key = issuerKeys.privateKey, now = NOW }: TokenOptions = {}): string {
  const seconds = Math.floor(now / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = [
    part({ alg: 'ES256', kid: 'one', ...header }),
    part({
      iss: ISSUER,
      sub: 'system:serviceaccount:shop:web',
      aud: [AUDIENCE],
      iat: seconds,
      nbf: seconds,
      exp: seconds + 3_600,
      'kubernetes.io': {
        namespace: 'shop',
        pod: { name: 'web-1', uid: 'uid-1' },
        serviceaccount: { name: 'web', uid: 'uid-web' },
        node: { name: 'node-1' },
      },
      ...claims,
    }),
  ].join('.');
  const signature = sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}

/** What an API server says about that token. */
export const accepted = {
  authenticated: true,
  audiences: [AUDIENCE],
  user: {
    username: 'system:serviceaccount:shop:web',
    extra: {
      'authentication.kubernetes.io/pod-name': ['web-1'],
      'authentication.kubernetes.io/pod-uid': ['uid-1'],
      'authentication.kubernetes.io/node-name': ['node-1'],
    },
  },
};
