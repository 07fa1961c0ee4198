/** One Lease, several replicas, and clocks that are moved by hand. */
import type { KubeObject } from '../../lib/api/object';
import { KubeApiError, LeaseLeadership, type LeaseOptions } from '../../lib/discovery/kubernetes';
import type { Method } from '../../lib/discovery/kubernetes/client';
import { FakeClock, refusal } from './fake-api';

interface Spec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  leaseTransitions?: number;
  acquireTime?: string;
  renewTime?: string;
}

/** The one object of an API server, with optimistic concurrency. */
class FakeLease {
  stored: KubeObject<Spec> | undefined;
  private version = 0;
  /** By replica, what its requests fail with. */
  readonly failures = new Map<string, Error>();
  /** By replica, what its requests wait for. */
  readonly delays = new Map<string, Promise<void>>();
  writes = 0;

  apiOf(replica: string) {
    return {
      request: async <T>(method: Method, path: string, { body }: { body?: unknown } = {}): Promise<T> => {
        await this.delays.get(replica);
        const failure = this.failures.get(replica);
        if (failure) throw failure;
        expect(path).toMatch(/^\/apis\/coordination\.k8s\.io\/v1\/namespaces\/malha-system\/leases(\/leader)?$/);
        if (method === 'GET') {
          if (!this.stored) throw refusal(404);
          return structuredClone(this.stored) as T;
        }
        const object = structuredClone(body) as KubeObject<Spec>;
        const before = this.stored?.metadata.resourceVersion;
        if (method === 'POST' ? this.stored : object.metadata.resourceVersion !== before) throw refusal(409);
        this.writes++;
        object.metadata.resourceVersion = String(++this.version);
        this.stored = object;
        return structuredClone(object) as T;
      },
    };
  }
}

const lease = new FakeLease();
let open: LeaseLeadership[] = [];

function replica(
  holder: string,
  clock: FakeClock,
  from: FakeLease = lease,
  more: Partial<LeaseOptions> = {},
): LeaseLeadership {
  const options = { namespace: 'malha-system', name: 'leader', holder, clock, random: () => 0.5, ...more };
  const leadership = new LeaseLeadership({ ...options, api: from.apiOf(holder) });
  open.push(leadership);
  leadership.start();
  return leadership;
}

beforeEach(() => {
  lease.stored = undefined;
  lease.writes = 0;
  lease.failures.clear();
  lease.delays.clear();
});
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
  open = [];
});

describe('of two replicas', () => {
  test('one leads, and renews what it holds', async () => {
    const clock = new FakeClock();
    const [a, b] = [replica('a', clock), replica('b', clock)];
    await clock.advance(0);
    expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
    expect(lease.stored!.spec).toMatchObject({
      holderIdentity: a.identity,
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
    });
    await clock.advance(60_000);
    expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
    expect(lease.writes).toBe(31);
  });

  test('the other takes over when the leader is silent, never before that one has given up', async () => {
    const clock = new FakeClock();
    const [a, b] = [replica('a', clock), replica('b', clock)];
    await clock.advance(20_000);
    lease.failures.set('a', new Error('no route'));
    let together = 0;
    for (let ms = 0; ms < 30_000; ms += 100) {
      await clock.advance(100);
      if (a.isLeader() && b.isLeader()) together++;
    }
    expect(together).toBe(0);
    expect([a.isLeader(), b.isLeader()]).toEqual([false, true]);
    expect(lease.stored!.spec).toMatchObject({ holderIdentity: b.identity, leaseTransitions: 1 });
  });

  test('the other takes over at once when the leader goes in order', async () => {
    const clock = new FakeClock();
    const [a, b] = [replica('a', clock), replica('b', clock)];
    await clock.advance(10_000);
    await a.close();
    expect(a.isLeader()).toBe(false);
    await clock.advance(2_000);
    expect(b.isLeader()).toBe(true);
  });

  test('a leader whose process was stopped does not lead when it goes on, before it has asked', async () => {
    const [clockOfA, clockOfB] = [new FakeClock(), new FakeClock()];
    const a = replica('a', clockOfA);
    await clockOfA.advance(2_000);
    const b = replica('b', clockOfB);
    await clockOfB.advance(20_000);
    expect(b.isLeader()).toBe(true);
    const seen: boolean[] = [];
    a.subscribe((isLeader) => seen.push(isLeader));
    // Time went on without any of its timers.
    jest.spyOn(clockOfA, 'now').mockReturnValue(22_000);
    expect(a.isLeader()).toBe(false);
    jest.restoreAllMocks();
    await clockOfA.advance(4_000);
    expect(seen).toEqual([false]);
    expect(lease.stored!.spec!.holderIdentity).toBe(b.identity);
  });

  test('a clock that is wrong by a year takes nothing from the one that leads', async () => {
    const [clockOfA, clockOfB] = [new FakeClock(), new FakeClock()];
    await clockOfB.advance(365 * 86_400_000);
    const a = replica('a', clockOfA);
    await clockOfA.advance(0);
    const b = replica('b', clockOfB);
    for (let i = 0; i < 20; i++) {
      await clockOfA.advance(2_000);
      await clockOfB.advance(2_000);
    }
    expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
  });
});

describe('a leader', () => {
  test('gives up two thirds of the lease after its last renewal began, and says so', async () => {
    const clock = new FakeClock();
    const a = replica('a', clock);
    const seen: [number, boolean][] = [];
    a.subscribe((isLeader) => seen.push([clock.now(), isLeader]));
    await clock.advance(0);
    // The next request never comes back.
    lease.delays.set('a', new Promise(() => undefined));
    await clock.advance(60_000);
    expect(seen).toEqual([
      [0, true],
      [10_000, false],
    ]);
    open = [];
  });

  test('whose Lease somebody has deleted makes it again', async () => {
    const clock = new FakeClock();
    const a = replica('a', clock);
    await clock.advance(4_000);
    lease.stored = undefined;
    await clock.advance(2_000);
    expect(a.isLeader()).toBe(true);
    expect(lease.stored).toBeDefined();
  });

  test('tells of trouble once, and when it is over', async () => {
    const clock = new FakeClock();
    const troubles: (string | undefined)[] = [];
    const api = lease.apiOf('a');
    const options = { namespace: 'malha-system', name: 'leader', holder: 'a', clock };
    const a = new LeaseLeadership({ ...options, api, onTrouble: (trouble) => troubles.push(trouble) });
    open.push(a);
    lease.failures.set('a', KubeApiError.of('GET', 403, '{"message":"forbidden"}'));
    a.start();
    await clock.advance(6_000);
    lease.failures.clear();
    await clock.advance(3_000);
    expect(troubles).toEqual(['GET: forbidden', undefined]);
    expect(a.isLeader()).toBe(true);
  });
});

describe('a replica that may not hold the Lease', () => {
  test('leaves it, gives it back, and knows since when its holder is silent', async () => {
    const clock = new FakeClock();
    let mayHold = false;
    const b = replica('b', clock, lease, { mayHold: () => mayHold });
    await clock.advance(4_000);
    expect(b.isLeader()).toBe(false);
    const a = replica('a', clock);
    await clock.advance(4_000);
    expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);

    lease.failures.set('a', new Error('gone'));
    await clock.advance(18_000);
    expect([a.isLeader(), b.isLeader()]).toEqual([false, false]);
    mayHold = true;
    b.hurry();
    await clock.advance(0);
    expect(b.isLeader()).toBe(true);

    mayHold = false;
    await clock.advance(2_000);
    expect([b.isLeader(), lease.stored!.spec!.holderIdentity]).toEqual([false, '']);
  });
});

describe('a replica that is preferred', () => {
  const preferred = (clock: FakeClock) => replica('b', clock, lease, { isPreferred: () => true });

  test('gets the Lease when it asks for it, and at no moment do two lead', async () => {
    const clock = new FakeClock();
    const a = replica('a', clock);
    await clock.advance(5_000);
    const b = preferred(clock);
    let handedOver = 0;
    for (; handedOver < 10_000 && !b.isLeader(); handedOver += 100) {
      await clock.advance(100);
      expect(a.isLeader() && b.isLeader()).toBe(false);
    }
    expect(handedOver).toBeLessThan(6_000);
    await clock.advance(60_000);
    expect([a.isLeader(), b.isLeader()]).toEqual([false, true]);
    expect(lease.stored!.spec!.leaseTransitions).toBe(1);
    expect(lease.stored!.metadata.annotations).toEqual({});
  });

  test('is waited for as long as for a holder, and no longer', async () => {
    const clock = new FakeClock();
    const a = replica('a', clock);
    await clock.advance(3_000);
    const b = preferred(clock);
    await clock.advance(100);
    expect(lease.stored!.metadata.annotations).toMatchObject({ 'malha.dev/asked-for-by': b.identity });
    lease.failures.set('b', new Error('gone'));
    await clock.advance(5_000);
    expect(a.isLeader()).toBe(false);
    await clock.advance(18_000);
    expect(a.isLeader()).toBe(true);
    const { writes } = lease;
    await clock.advance(20_000);
    expect(a.isLeader()).toBe(true);
    expect(lease.writes - writes).toBeLessThanOrEqual(11);
  });

  test('does not take it from one of an older release, which does not know of asking', async () => {
    const clock = new FakeClock();
    const older = replica('a', clock, lease, { isPreferred: () => true });
    await clock.advance(3_000);
    const b = preferred(clock);
    const before = lease.writes;
    await clock.advance(20_000);
    expect([older.isLeader(), b.isLeader()]).toEqual([true, false]);
    expect(lease.writes - before).toBeLessThanOrEqual(12);
  });
});
