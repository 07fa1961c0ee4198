import type { Pod } from '../../lib/api/kubernetes';
import { jwksTokenReviewer } from '../../lib/citadel/jwks-token-reviewer';
import { TokenIssuer } from '../../lib/local/token-issuer';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'shop' },
  spec: { containers: [], serviceAccountName: 'web' },
};

describe('a token of a local mesh', () => {
  const issuer = new TokenIssuer(() => NOW);
  const reviewer = (now = NOW, by = issuer) =>
    jwksTokenReviewer({
      keys: by.keySet().keys,
      issuer: 'https://kubernetes.default.svc.cluster.local',
      audience: 'malha.dev',
      clock: () => new Date(now),
    });

  test('speaks for the account of its Pod, and for that Pod alone', async () => {
    await expect(reviewer().review(issuer.tokenFor(POD))).resolves.toEqual({
      namespace: 'shop',
      serviceAccount: 'web',
      pod: { name: 'web-1', uid: 'web-1' },
      expiresAt: new Date(NOW + 3_600_000),
    });
    const plain = { ...POD, metadata: { ...POD.metadata, uid: 'u-1' }, spec: { containers: [] } };
    await expect(reviewer().review(issuer.tokenFor(plain))).resolves.toMatchObject({
      serviceAccount: 'default',
      pod: { uid: 'u-1' },
    });
  });

  test('ends after an hour, and is worth nothing in another run', async () => {
    const token = issuer.tokenFor(POD);
    await expect(reviewer(NOW + 3_600_000).review(token)).rejects.toThrow('the token has expired');
    await expect(reviewer(NOW, new TokenIssuer(() => NOW)).review(token)).rejects.toThrow('signature is wrong');
  });

  test('is reviewed by a key set without the private half', () => {
    expect(issuer.keySet().keys.every((key) => key.d === undefined && key.crv === 'P-256')).toBe(true);
  });
});
