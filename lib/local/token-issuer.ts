/** Stands for the API server as the issuer of service-account tokens. Its key is of this run, and never leaves memory. */
import { generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import type { Pod } from '../api/kubernetes';
import { TOKEN_AUDIENCE } from '../injector';

/** What `malha control-plane --token-issuer` expects unless told otherwise. */
const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const KEY_ID = 'run';
/** As long as the kubelet asks for. */
export const TOKEN_SECONDS = 3_600;

export class TokenIssuer {
  private readonly keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  constructor(private readonly now: () => number = Date.now) {}

  /** The public half, as `--token-keys` reads it. */
  keySet(): { readonly keys: readonly JsonWebKey[] } {
    return { keys: [{ ...this.keys.publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'ES256', use: 'sig' }] };
  }

  /** For the control plane, bound to the Pod; good for an hour. */
  tokenFor({ metadata, spec }: Pod): string {
    const { name, namespace = 'default', uid = name } = metadata;
    const account = spec?.serviceAccountName ?? 'default';
    const seconds = Math.floor(this.now() / 1000);
    const content = [
      { alg: 'ES256', kid: KEY_ID },
      {
        iss: ISSUER,
        sub: `system:serviceaccount:${namespace}:${account}`,
        aud: [TOKEN_AUDIENCE],
        iat: seconds,
        nbf: seconds,
        exp: seconds + TOKEN_SECONDS,
        'kubernetes.io': { namespace, pod: { name, uid }, serviceaccount: { name: account } },
      },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const key = { key: this.keys.privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return `${content}.${sign('sha256', Buffer.from(content), key).toString('base64url')}`;
  }
}
