/** THREATS 16: a token of another audience, expired, of another issuer, of a deleted Pod, replayed, or that nobody can review. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { Metadata } from '@grpc/grpc-js';
import { callerBy, type PodDirectory } from '../../lib/citadel/caller';
import { ClusterTokenReviewer } from '../../lib/citadel/cluster-token-reviewer';
import { jwksTokenReviewer } from '../../lib/citadel/jwks-token-reviewer';
import { TokenError, type TokenReviewStatus } from '../../lib/citadel/token-reviewer';
import { AUDIENCE, accepted, ISSUER, issuerKeys, NOW, token } from './tokens';

let now: number;
beforeEach(() => {
  now = NOW;
});
const clock = () => new Date(now);

/** An API server that answers as it is told, and counts. */
class FakeApi {
  questions: { token: string; audiences: readonly string[] }[] = [];
  answer: TokenReviewStatus | Error | 'never' = accepted;
  readonly review = async (spec: { token: string; audiences: readonly string[] }) => {
    this.questions.push(spec);
    if (this.answer === 'never') return new Promise<never>(() => {});
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  };
}

describe('a review by the API server', () => {
  let api: FakeApi;
  let reviewer: ClusterTokenReviewer;
  beforeEach(() => {
    api = new FakeApi();
    reviewer = new ClusterTokenReviewer({ api: api.review, audience: AUDIENCE, clock, timeoutMilliseconds: 50 });
  });
  const failure = (text: string) =>
    reviewer.review(text).then(
      () => 'accepted',
      (error: TokenError) => `${error.failure}: ${error.message}`,
    );

  test('tells account, Pod, node and end', async () => {
    expect(await reviewer.review(token())).toEqual({
      namespace: 'shop',
      serviceAccount: 'web',
      pod: { name: 'web-1', uid: 'uid-1' },
      node: 'node-1',
      expiresAt: new Date(NOW + 3_600_000),
    });
    expect(api.questions[0]!.audiences).toEqual([AUDIENCE]);
  });

  test.each<[string, TokenReviewStatus]>([
    ['is not accepted, as when its Pod is deleted', { ...accepted, authenticated: false, error: 'pod gone' }],
    ['gets no verdict', {}],
    ['was not reviewed for our audience', { ...accepted, audiences: undefined }],
    ['was reviewed for another audience', { ...accepted, audiences: ['https://kubernetes.default.svc'] }],
    ['is that of a person', { ...accepted, user: { username: 'jane' } }],
    [
      'has an account that no SPIFFE id can hold',
      { ...accepted, user: { username: 'system:serviceaccount:a/sa/b:web' } },
    ],
  ])('refuses a token that %s', async (_, status) => {
    api.answer = status;
    expect(await failure(token())).toMatch(/^refused: /);
  });

  test('refuses without asking what says itself that it is not for us', async () => {
    expect(await failure(token({ claims: { aud: ['other'] } }))).toBe(
      `refused: the token is not for the audience ${AUDIENCE}`,
    );
    expect(await failure(token({ claims: { exp: NOW / 1000 } }))).toBe('refused: the token has expired');
    expect(await failure(token({ claims: { exp: undefined } }))).toBe(
      'refused: the token never expires: use a projected one',
    );
    expect(await failure('a.b.c')).toBe('refused: the token is not a JWT of JSON objects');
    expect(await failure(`${token()}${'A'.repeat(9_000)}`)).toBe('refused: the token has more than 8192 characters');
    expect(api.questions).toEqual([]);
  });

  test('fails closed when the API server is down, and names no part of the token', async () => {
    api.answer = new Error('connect ECONNREFUSED');
    const text = token();
    const said = await failure(text);
    expect(said).toBe('unavailable: the API server does not review tokens: connect ECONNREFUSED');
    for (const part of text.split('.')) expect(said).not.toContain(part);
    api.answer = 'never';
    expect(await failure(text)).toBe('unavailable: the API server does not review tokens: no answer in 50 ms');
  });

  test('asks once for many, believes the answer for half a minute, and then asks again', async () => {
    const text = token();
    await Promise.all(Array.from({ length: 20 }, () => reviewer.review(text)));
    now += 29_000;
    await reviewer.review(text);
    expect(api.questions).toHaveLength(1);
    now += 2_000;
    api.answer = { authenticated: false };
    expect(await failure(text)).toMatch(/^refused/);
    expect(api.questions).toHaveLength(2);
    // Nor does a flood of a refused token become one of questions.
    await failure(text);
    expect(api.questions).toHaveLength(2);
  });

  test('never believes an answer when the server is down at the next question', async () => {
    const text = token();
    await reviewer.review(text);
    now += 31_000;
    api.answer = new Error('down');
    expect(await failure(text)).toMatch(/^unavailable/);
  });

  test('asks about at most 64 tokens at a time', async () => {
    api.answer = 'never';
    const all = Array.from({ length: 100 }, (_, at) => failure(token({ claims: { jti: String(at) } })));
    const results = await Promise.all(all);
    expect(results.filter((result) => result === 'unavailable: too many tokens are being reviewed')).toHaveLength(36);
    expect(api.questions).toHaveLength(64);
  });
});

describe('a review by the keys of the issuer', () => {
  const keys = [{ ...issuerKeys.publicKey.export({ format: 'jwk' }), kid: 'one' }];
  const reviewer = jwksTokenReviewer({ keys, issuer: ISSUER, audience: AUDIENCE, clock: () => new Date(now) });

  test('accepts what the issuer has signed', async () => {
    expect(await reviewer.review(token())).toMatchObject({
      namespace: 'shop',
      serviceAccount: 'web',
      pod: { uid: 'uid-1' },
    });
  });

  const [header, claims] = token().split('.') as [string, string, string];
  const hs256 = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'one' })).toString('base64url');
  const publicPem = issuerKeys.publicKey.export({ format: 'pem', type: 'spki' });
  const mac = createHmac('sha256', publicPem).update(`${hs256}.${claims}`).digest('base64url');
  test.each([
    ['of another issuer', token({ claims: { iss: 'https://evil.example' } })],
    ['for another audience', token({ claims: { aud: 'other' } })],
    ['that has expired', token({ now: NOW - 7_200_000 })],
    ['that begins tomorrow', token({ claims: { nbf: NOW / 1000 + 86_400 } })],
    ['of another key', token({ header: { kid: 'two' } })],
    ['without a signature', `${Buffer.from('{"alg":"none","kid":"one"}').toString('base64url')}.${claims}.AA`],
    ['signed with the public key as a secret', `${hs256}.${claims}.${mac}`],
    ['with another algorithm than its key', token({ header: { alg: 'RS256' } })],
    ['with extensions that must be understood', token({ header: { crit: ['x'] } })],
    [
      'with the claims of another',
      `${header}.${token({ claims: { sub: 'system:serviceaccount:shop:admin' } }).split('.')[1]}.${token().split('.')[2]}`,
    ],
    ['of a person', token({ claims: { sub: 'jane' } })],
  ])('refuses a token %s', async (_, text) => {
    await expect(reviewer.review(text)).rejects.toThrow(TokenError);
  });

  test('accepts a token that begins in half a minute: clocks differ', async () => {
    expect(await reviewer.review(token({ claims: { nbf: NOW / 1000 + 30 } }))).toMatchObject({ serviceAccount: 'web' });
  });

  test.each(['P-384', 'secp256k1'])('takes no key of curve %s, with which nothing here is signed', (namedCurve) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve });
    const other = { ...publicKey.export({ format: 'jwk' }), kid: 'one' };
    expect(() => jwksTokenReviewer({ keys: [other], issuer: ISSUER, audience: AUDIENCE })).toThrow(
      'use RSA or ECDSA P-256',
    );
  });

  test('takes no private key for a public one', () => {
    const secret = { ...issuerKeys.privateKey.export({ format: 'jwk' }), kid: 'one' };
    expect(() => jwksTokenReviewer({ keys: [secret], issuer: ISSUER, audience: AUDIENCE })).toThrow(
      'must hold public keys alone',
    );
  });
});

describe('a token on a call', () => {
  const pods: PodDirectory = {
    knownPod: (namespace, name) =>
      namespace === 'shop' && name === 'web-1' ? { uid: 'uid-1', addresses: ['10.0.0.1'] } : undefined,
  };
  const reviewer = {
    review: async () => ({
      namespace: 'shop',
      serviceAccount: 'web',
      pod: { name: 'web-1', uid: 'uid-1' },
      expiresAt: new Date(NOW + 1),
    }),
  };
  const call = (authorization: string[], peer = '10.0.0.1:99') => {
    const metadata = new Metadata();
    for (const value of authorization) metadata.add('authorization', value);
    return { metadata, getPeer: () => peer, getAuthContext: () => ({}) };
  };
  const caller = callerBy({ reviewer, trustDomain: 'td', clock, pods });

  test('is accepted from the address of its Pod', async () => {
    expect(await caller(call(['Bearer a.b.c']))).toMatchObject({
      kind: 'token',
      identity: { trustDomain: 'td', namespace: 'shop', serviceAccount: 'web' },
    });
    expect(await caller(call(['Bearer a.b.c'], '::ffff:10.0.0.1:99'))).toMatchObject({ kind: 'token' });
  });

  test.each([
    [
      'from another node',
      call(['Bearer a.b.c'], '10.0.0.2:99'),
      'the token of Pod shop/web-1 came from 10.0.0.2, which is not an address of that Pod',
    ],
    ['that is not there', call([]), 'neither a certificate nor a token was shown'],
    ['twice', call(['Bearer a.b.c', 'Bearer a.b.c']), 'not one bearer token'],
    ['of another kind', call(['Basic YTpi']), 'not one bearer token'],
  ])('is refused %s', async (_, given, problem) => {
    await expect(caller(given)).rejects.toThrow(problem);
  });

  test('is refused when another Pod has the name by now, and put off when none has', async () => {
    const others = (known: ReturnType<PodDirectory['knownPod']>) =>
      callerBy({ reviewer, trustDomain: 'td', clock, pods: { knownPod: () => known } });
    await expect(others({ uid: 'uid-2', addresses: ['10.0.0.1'] })(call(['Bearer a.b.c']))).rejects.toMatchObject({
      isTemporary: false,
    });
    await expect(others(undefined)(call(['Bearer a.b.c']))).rejects.toMatchObject({ isTemporary: true });
  });

  test('is refused when it has ended since it was reviewed', async () => {
    now += 2;
    await expect(caller(call(['Bearer a.b.c']))).rejects.toThrow('the token has expired');
  });
});
