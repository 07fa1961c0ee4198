import { DeltaSubscription } from '../../lib/xds/delta-subscription';
import type { Request, Update } from '../../lib/xds/subscription';
import { byName, cluster } from './resources';

const request = (fields: Partial<Request> = {}): Request => ({
  typeUrl: 'type',
  nonce: '',
  names: [],
  subscribe: [],
  unsubscribe: [],
  initialVersions: {},
  ...fields,
});

const shown = (update: Update | undefined) =>
  update && { resources: update.resources.map(({ name }) => name), removed: [...update.removed] };

/** A client that has said `first`, with a counter for nonces. */
function given(first: Partial<Request>) {
  const subscription = new DeltaSubscription();
  subscription.receive(request(first));
  let nonces = 0;
  return {
    subscription,
    due: (wanted: ReturnType<typeof byName>, mayRemove = true) => shown(subscription.due(wanted, mayRemove)),
    /** Sends what is due; the client has not answered yet. */
    send(wanted: ReturnType<typeof byName>, mayRemove = true) {
      const update = subscription.due(wanted, mayRemove)!;
      subscription.sent(update, String(++nonces));
      return shown(update);
    },
    acknowledge: () => subscription.receive(request({ nonce: String(nonces) })),
    reject: (error: string) => subscription.receive(request({ nonce: String(nonces), error })),
    receive: (fields: Partial<Request>) => subscription.receive(request(fields)),
  };
}

const [a, b, c] = [cluster('a'), cluster('b'), cluster('c')];

describe('a first request', () => {
  it('without names asks for everything', () => {
    expect(given({}).due(byName(a, b))).toEqual({ resources: ['a', 'b'], removed: [] });
  });

  it('with names asks for these', () => {
    expect(given({ subscribe: ['b'] }).due(byName(a, b))).toEqual({ resources: ['b'], removed: [] });
  });

  it('for * and a name asks for everything', () => {
    expect(given({ subscribe: ['*', 'a'] }).due(byName(a, b))).toEqual({ resources: ['a', 'b'], removed: [] });
  });

  it('is answered even when there is nothing', () => {
    const client = given({});
    expect(client.send(byName())).toEqual({ resources: [], removed: [] });
    client.acknowledge();
    expect(client.due(byName())).toBeUndefined();
  });

  it('of a client that reconnects brings only differences', () => {
    const client = given({ initialVersions: { a: a.version, b: 'old', gone: 'old' } });
    expect(client.due(byName(a, b, c))).toEqual({ resources: ['b', 'c'], removed: ['gone'] });
  });

  it('of a client that reconnects with names brings only differences of these', () => {
    const client = given({ subscribe: ['a', 'b'], initialVersions: { a: a.version, b: 'old', c: 'old' } });
    expect(client.due(byName(a, b))).toEqual({ resources: ['b'], removed: [] });
  });
});

describe('after an answer', () => {
  it('only what has changed is sent', () => {
    const client = given({});
    client.send(byName(a, b));
    client.acknowledge();
    expect(client.due(byName(a, b))).toBeUndefined();
    expect(client.due(byName(a, cluster('b', 2)))).toEqual({ resources: ['b'], removed: [] });
  });

  it('equal content is not sent again, whichever object holds it', () => {
    const client = given({});
    client.send(byName(a));
    client.acknowledge();
    expect(client.due(byName(cluster('a')))).toBeUndefined();
  });

  it('what is not wanted any more is removed, once that is allowed', () => {
    const client = given({});
    client.send(byName(a, b));
    client.acknowledge();
    expect(client.due(byName(a), false)).toBeUndefined();
    expect(client.send(byName(a), true)).toEqual({ resources: [], removed: ['b'] });
    client.acknowledge();
    expect(client.due(byName(a), true)).toBeUndefined();
  });
});

describe('a subscription', () => {
  it('to a name that does not exist is answered by its removal, and by the resource when it comes', () => {
    const client = given({ subscribe: ['a'] });
    expect(client.send(byName(), false)).toEqual({ resources: [], removed: ['a'] });
    client.acknowledge();
    expect(client.due(byName(a))).toEqual({ resources: ['a'], removed: [] });
  });

  it('that is repeated is answered again', () => {
    const client = given({ subscribe: ['a'] });
    client.send(byName(a));
    client.acknowledge();
    client.receive({ subscribe: ['a'] });
    expect(client.due(byName(a))).toEqual({ resources: ['a'], removed: [] });
  });

  it('of more names keeps those before', () => {
    const client = given({ subscribe: ['a'] });
    client.send(byName(a, b));
    client.acknowledge();
    client.receive({ subscribe: ['b'] });
    expect(client.due(byName(cluster('a', 2), b))).toEqual({ resources: ['a', 'b'], removed: [] });
  });

  it('that ends takes no further part', () => {
    const client = given({ subscribe: ['a', 'b'] });
    client.send(byName(a, b));
    client.acknowledge();
    client.receive({ unsubscribe: ['a'] });
    expect(client.due(byName(cluster('a', 2), b))).toBeUndefined();
    expect(client.due(byName(b))).toBeUndefined();
  });

  it('that ends for one name under a wildcard is answered with what the wildcard says', () => {
    const client = given({ subscribe: ['*', 'a', 'gone'] });
    client.send(byName(a, b));
    client.acknowledge();
    client.receive({ unsubscribe: ['a', 'gone'] });
    expect(client.due(byName(a, b))).toEqual({ resources: ['a'], removed: ['gone'] });
  });

  it('that ends for the wildcard leaves the names', () => {
    const client = given({ subscribe: ['*', 'a'] });
    client.send(byName(a, b));
    client.acknowledge();
    client.receive({ unsubscribe: ['*'] });
    expect(client.due(byName(cluster('a', 2), cluster('b', 2)))).toEqual({ resources: ['a'], removed: [] });
  });

  it('to too many names ends the stream', () => {
    const subscribe = Array.from({ length: 65_537 }, (_, index) => `n${index}`);
    expect(() => given({ subscribe })).toThrow('at most 65536 are allowed');
  });
});

describe('a nonce', () => {
  it('of an older response is no answer to the last, but its subscriptions count', () => {
    const client = given({ subscribe: ['a'] });
    client.send(byName(a));
    client.acknowledge();
    client.send(byName(cluster('a', 2)));
    expect(client.receive({ nonce: '1', subscribe: ['b'] })).toBe('stale');
    expect(client.subscription.isWaiting).toBe(true);
    expect(client.due(byName(cluster('a', 2), b))).toEqual({ resources: ['b'], removed: [] });
  });

  it('from before the stream is ignored', () => {
    expect(new DeltaSubscription().receive(request({ nonce: 'x', error: 'old' }))).toBe('subscribed');
  });
});

describe('a rejection', () => {
  it('of one resource is remembered and waits for its next version', () => {
    const client = given({});
    client.send(byName(a));
    client.acknowledge();
    const bad = cluster('a', 2);
    client.send(byName(bad));
    expect(client.reject('no good')).toBe('rejected');
    expect(client.subscription.acknowledgedVersion).toBe('1');
    expect([...client.subscription.rejections.values()]).toMatchObject([
      { name: 'a', version: bad.version, error: 'no good', kept: { version: a.version } },
    ]);
    expect(client.due(byName(bad))).toBeUndefined();
    expect(client.send(byName(cluster('a', 3)))).toEqual({ resources: ['a'], removed: [] });
    client.acknowledge();
    expect(client.subscription.rejections.size).toBe(0);
  });

  it('leaves the client with the last good version, so that the way back needs no response', () => {
    const client = given({});
    client.send(byName(a));
    client.acknowledge();
    client.send(byName(cluster('a', 2)));
    client.reject('no good');
    expect(client.due(byName(a))).toBeUndefined();
    expect(client.subscription.held.get('a')?.version).toBe(a.version);
  });

  it('of several resources is narrowed down to the one at fault', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const wanted = byName(...names.map((name) => cluster(name)));
    const client = given({});
    client.send(wanted);
    client.reject('f is bad');
    const taken = new Set<string>();
    for (let sent = client.due(wanted); sent; sent = client.due(wanted)) {
      client.send(wanted);
      if (sent.resources.includes('f')) client.reject('f is bad');
      else {
        client.acknowledge();
        for (const name of sent.resources) taken.add(name);
      }
    }
    expect([...client.subscription.rejections.keys()]).toEqual(['f']);
    expect([...taken].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'g']);
  });

  it('of everything costs a bounded number of responses', () => {
    const wanted = byName(...Array.from({ length: 500 }, (_, index) => cluster(`c${index}`)));
    const client = given({});
    let responses = 0;
    while (client.due(wanted)) {
      client.send(wanted);
      client.reject('all bad');
      responses++;
    }
    expect(responses).toBeLessThan(200);
    expect(client.subscription.rejections.size).toBe(500);
  });

  it('does not send a part again that has been overtaken by a newer version', () => {
    const client = given({});
    client.send(byName(a, b));
    client.reject('bad');
    const newer = byName(cluster('a', 2), cluster('b', 2));
    expect(client.due(newer)).toEqual({ resources: ['a', 'b'], removed: [] });
  });
});
