/**
 * THREATS 28: clocks that are off, that jump (NTP after a while without it, a machine that slept, a leap second), and local time
 * that has its own ideas of how long a night is. Everything here reads one injected clock.
 */
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { CitadelAuthority } from '../../lib/citadel/citadel-authority';
import { checkCsr } from '../../lib/citadel/csr';
import { blocks } from '../../lib/citadel/der';
import { memoryStorage } from '../../lib/citadel/memory-storage';
import { verifyPeer } from '../../lib/citadel/peer-certificate';
import { renewAt } from '../../lib/citadel/renewal';
import { ServingCertificate } from '../../lib/citadel/serving-certificate';
import { WorkloadSecrets } from '../../lib/citadel/workload-secrets';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { request } from './requests';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.parse('2026-03-28T12:00:00Z');
const identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };

let now: number;
let authority: CitadelAuthority;
const clock = () => new Date(now);

beforeEach(async () => {
  now = START;
  authority = await CitadelAuthority.open({ storage: memoryStorage(), trustDomain: 'cluster.local', clock });
});

/** Whom a chain speaks for, on a machine whose clock says `at`. @throws Error when it is not believed. */
const verifiedAt = (at: number, chainPem: string) =>
  verifyPeer(blocks('CERTIFICATE', chainPem), {
    roots: authority.roots(),
    trustDomain: 'cluster.local',
    now: new Date(at),
  });
const makeServing = () =>
  ServingCertificate.make({ signer: authority, identity, hosts: ['control-plane.example'], clock, random: () => 0.5 });

describe('certificates are good', () => {
  test('on machines up to ten minutes off, at every moment of every kind of day', async () => {
    const serving = await makeServing();
    const minutes = fc.integer({ min: 1, max: 90 });
    const skew = fc.integer({ min: -10 * 60_000, max: 10 * 60_000 });
    await fc.assert(
      fc.asyncProperty(fc.array(minutes, { minLength: 1, maxLength: 40 }), skew, async (steps, off) => {
        for (const step of steps) {
          now += step * MINUTE;
          await authority.rotate();
          await serving.renew();
          expect(verifiedAt(now + off, serving.chainPem).identity).toEqual(identity);
        }
      }),
      { numRuns: 20, seed: 28 },
    );
  });

  test('after the clock has jumped, ahead or back, as soon as it is looked at', async () => {
    const serving = await makeServing();
    const jump = fc.oneof(
      fc.integer({ min: -600, max: 600 }).map((seconds) => seconds * 1_000),
      fc.integer({ min: -2 * DAY, max: 2 * DAY }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(jump, { minLength: 1, maxLength: 20 }), async (jumps) => {
        for (const by of jumps) {
          // Never before the authority itself was made.
          now = Math.max(START, now + by);
          await authority.rotate();
          await serving.renew();
          expect(verifiedAt(now, serving.chainPem).identity).toEqual(identity);
        }
      }),
      { numRuns: 20, seed: 28 },
    );
  });

  test('after a clock that was months ahead, and an authority that has rotated there, comes back', async () => {
    const serving = await makeServing();
    now += 200 * DAY;
    await authority.rotate();
    await serving.renew();
    expect(verifiedAt(now, serving.chainPem).identity).toEqual(identity);
    now -= 200 * DAY;
    await authority.rotate();
    expect(() => verifiedAt(now, serving.chainPem)).toThrow('the certificate begins on');
    expect(await serving.renew()).toBe(true);
    expect(verifiedAt(now, serving.chainPem).identity).toEqual(identity);
    // And again when the time has really come.
    now += 200 * DAY;
    await authority.rotate();
    await serving.renew();
    expect(verifiedAt(now, serving.chainPem).identity).toEqual(identity);
  });
});

test('keys of workloads are replaced after the clock was ahead, as nobody would accept them yet', async () => {
  const secrets = new WorkloadSecrets({ signer: authority, clock, log: { error: () => {} } });
  const connection = {};
  const chain = () => {
    const [, own] = secrets.secretsOf(connection, identity) ?? [];
    const secret = own?.message as envoy.extensions.transport_sockets.tls.v3.Secret | undefined;
    return Buffer.from(secret?.tls_certificate?.certificate_chain?.inline_bytes ?? '', 'base64').toString();
  };
  const made = () => new Promise<void>((resolve) => secrets.subscribe(resolve));
  now += DAY;
  const first = made();
  chain();
  await first;
  now -= DAY;
  expect(() => verifiedAt(now, chain())).toThrow('the certificate begins on');
  const second = made();
  secrets.renew();
  await second;
  expect(verifiedAt(now, chain()).identity).toEqual(identity);
});

describe('local time does not matter', () => {
  const { TZ } = process.env;
  afterEach(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });

  // In Berlin the hour from 2:00 does not exist on 29 March, and exists twice on 25 October.
  test.each(['2026-03-29T00:30:00Z', '2026-10-25T00:30:00Z'])('around %s in Berlin', async (time) => {
    process.env.TZ = 'Europe/Berlin';
    now = Date.parse(time);
    const { chain, notBefore, notAfter } = await authority.sign({
      identity,
      csr: checkCsr(request()),
      lifetimeSeconds: 86_400,
    });
    expect([notBefore.getTime(), notAfter.getTime()]).toEqual([now - 10 * MINUTE, now + DAY]);
    const leaf = new X509Certificate(chain[0]!);
    expect([Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]).toEqual([now - 10 * MINUTE, now + DAY]);
    expect(renewAt(clock(), { notAfter }, 0.5).getTime()).toBe(now + DAY / 2);
  });
});
