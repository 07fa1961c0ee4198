/** What the API server demands of a status is from its API reference (certificates.k8s.io/v1, PodCertificateRequest). */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { CitadelAuthority } from '../../lib/citadel/citadel-authority';
import { memoryStorage } from '../../lib/citadel/memory-storage';
import { type PodCertificateRequest, WORKLOAD_SIGNER } from '../../lib/citadel/pod-certificate-request';
import { podCertificateSigner, trustBundleObject } from '../../lib/citadel/pod-certificate-signer';
import { Registration } from '../../lib/citadel/registration';
import { constraints, ecKeys, names, request, uri } from './requests';

const NOW = new Date('2026-03-01T12:00:00.750Z');
const keys = ecKeys();
const decisions: string[] = [];

async function signer(random = 0.5) {
  const authority = await CitadelAuthority.open({
    storage: memoryStorage(),
    trustDomain: 'cluster.local',
    clock: () => NOW,
  });
  const registration = new Registration(authority);
  const onDecision = (type: string, reason: string) => decisions.push(`${type} ${reason}`);
  return podCertificateSigner({
    registration,
    trustDomain: 'cluster.local',
    clock: () => NOW,
    random: () => random,
    onDecision,
  });
}

const asked = (
  spec: Partial<PodCertificateRequest['spec']> = {},
  der = request([], { keys }),
): PodCertificateRequest => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'PodCertificateRequest',
  metadata: { name: 'req-1', namespace: 'shop' },
  spec: {
    signerName: WORKLOAD_SIGNER,
    podName: 'web-1',
    podUID: 'u1',
    serviceAccountName: 'web',
    serviceAccountUID: 'u2',
    nodeName: 'n',
    nodeUID: 'u3',
    maxExpirationSeconds: 86_400,
    stubPKCS10Request: der.toString('base64'),
    ...spec,
  },
});

describe('a PodCertificateRequest', () => {
  test('is answered by a certificate for the service account of the Pod', async () => {
    const status = (await (await signer()).decide(asked()))!;
    const leaf = new X509Certificate(status.certificateChain!);
    expect(leaf.subjectAltName).toBe('URI:spiffe://cluster.local/ns/shop/sa/web');
    expect(leaf.publicKey.equals(keys.publicKey)).toBe(true);
    expect(status.conditions).toEqual([
      {
        type: 'Issued',
        status: 'True',
        reason: 'Issued',
        message: 'signed for service account web',
        lastTransitionTime: '2026-03-01T12:00:00Z',
      },
    ]);
    expect(status.certificateChain!.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  test.each([
    [3_600, 0],
    [3_600, 1],
    [7_200, 0.5],
    [86_400, 0],
    [86_400, 1],
    [7_862_400, 1],
  ])(
    'for at most %i seconds gets times that the API server takes (jitter %f)',
    async (maxExpirationSeconds, random) => {
      const status = (await (await signer(random)).decide(asked({ maxExpirationSeconds })))!;
      const leaf = new X509Certificate(status.certificateChain!);
      const [begin, refresh, end] = [status.notBefore!, status.beginRefreshAt!, status.notAfter!].map((text) =>
        Date.parse(text),
      ) as [number, number, number];
      expect([begin, end]).toEqual([Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]);
      expect(Math.abs(begin - NOW.getTime())).toBeLessThan(300_000);
      const life = (end - begin) / 1000;
      expect(life).toBeGreaterThanOrEqual(3_600);
      expect(life).toBeLessThanOrEqual(Math.min(maxExpirationSeconds, 86_400));
      expect(refresh).toBeGreaterThanOrEqual(begin + 600_000);
      expect(refresh).toBeLessThanOrEqual(end - 600_000);
      expect(Math.abs(refresh - (NOW.getTime() + end) / 2)).toBeLessThan(0.06 * (end - begin));
    },
  );

  test.each<[string, PodCertificateRequest, string]>([
    [
      'a key that Envoy cannot use',
      asked({}, request([], { keys: generateKeyPairSync('ed25519'), signedBy: keys.privateKey })),
      'Denied UnsupportedKeyType',
    ],
    [
      'annotations',
      asked({ unverifiedUserAnnotations: { 'a.example/b': 'c' } }),
      'Denied InvalidUnverifiedUserAnnotations',
    ],
    [
      'another identity in its request',
      asked({}, request([names(uri('spiffe://cluster.local/ns/shop/sa/admin'))], { keys })),
      'Denied InvalidRequest',
    ],
    ['the wish to be an authority', asked({}, request([constraints(true)], { keys })), 'Denied InvalidRequest'],
    ['noise in place of a request', asked({ stubPKCS10Request: 'AAAA' }), 'Denied InvalidRequest'],
    ['an account that no SPIFFE id can hold', asked({ serviceAccountName: 'a/b' }), 'Denied InvalidIdentity'],
  ])('with %s is denied, with a reason and nothing else', async (_, given, decided) => {
    decisions.length = 0;
    const status = (await (await signer()).decide(given))!;
    expect(decisions).toEqual([decided]);
    expect(Object.keys(status)).toEqual(['conditions']);
    expect(status.conditions).toHaveLength(1);
    expect(status.conditions[0]!.message).not.toBe('');
  });

  test('of another signer, or that is decided, is left alone', async () => {
    const { decide } = await signer();
    expect(await decide(asked({ signerName: 'other.example/x' }))).toBeUndefined();
    const status = await decide(asked());
    expect(await decide({ ...asked(), status })).toBeUndefined();
  });

  test('is not decided while the authority cannot sign', async () => {
    const registration = new Registration({
      trustDomain: 'cluster.local',
      trustBundle: () => [],
      sign: () => Promise.reject(new Error('the authority does not answer')),
    });
    const { decide } = podCertificateSigner({ registration, trustDomain: 'cluster.local' });
    await expect(decide(asked())).rejects.toThrow('the authority does not answer');
  });
});

test('the trust bundle is named after its signer, as the API server demands', () => {
  expect(trustBundleObject(['A\n', 'B\n'])).toMatchObject({
    metadata: { name: 'malha.dev:workload:mesh' },
    spec: { signerName: 'malha.dev/workload', trustBundle: 'A\nB\n' },
  });
});
