import { StateSubscription } from '../../lib/xds/state-subscription';
import type { Request, Update } from '../../lib/xds/subscription';
import { byName, cluster, endpoints } from './resources';

const request = (fields: Partial<Request> = {}): Request => ({
  typeUrl: 'type',
  nonce: '',
  names: [],
  subscribe: [],
  unsubscribe: [],
  initialVersions: {},
  ...fields,
});

const shown = (update: Update | undefined) => update?.resources.map(({ name }) => name);

function given(isComplete: boolean, first: Partial<Request>) {
  const subscription = new StateSubscription(isComplete);
  subscription.receive(request(first));
  let nonces = 0;
  return {
    subscription,
    due: (wanted: ReturnType<typeof byName>, mayRemove = true) => shown(subscription.due(wanted, mayRemove)),
    send(wanted: ReturnType<typeof byName>, mayRemove = true) {
      const update = subscription.due(wanted, mayRemove)!;
      subscription.sent(update, String(++nonces));
      return shown(update);
    },
    /** Answers the last response; `names` as the client now wants them. */
    answer: (fields: Partial<Request> = {}) => subscription.receive(request({ nonce: String(nonces), ...fields })),
    receive: (fields: Partial<Request>) => subscription.receive(request(fields)),
  };
}

describe('clusters and listeners', () => {
  const [a, b] = [cluster('a'), cluster('b')];

  it('come complete whenever one has changed', () => {
    const client = given(true, {});
    expect(client.send(byName(a, b))).toEqual(['a', 'b']);
    client.answer();
    expect(client.due(byName(a, b))).toBeUndefined();
    expect(client.due(byName(a, cluster('b', 2)))).toEqual(['a', 'b']);
  });

  it('are removed by leaving them out, once that is allowed', () => {
    const client = given(true, {});
    client.send(byName(a, b));
    client.answer();
    expect(client.due(byName(a), false)).toBeUndefined();
    expect(client.due(byName(a), true)).toEqual(['a']);
  });

  it('stay in a response that must not remove', () => {
    const client = given(true, {});
    client.send(byName(a, b));
    client.answer();
    expect(client.send(byName(a, cluster('c')), false)).toEqual(['a', 'c', 'b']);
    client.answer();
    expect(client.due(byName(a, cluster('c')), true)).toEqual(['a', 'c']);
  });

  it('that do not exist are an empty answer to the first request', () => {
    expect(given(true, {}).due(byName())).toEqual([]);
  });

  it('have a version that depends on their content', () => {
    const first = given(true, {}).subscription;
    const second = given(true, {}).subscription;
    const version = first.sent({ resources: [a, b], removed: [] }, '1');
    expect(second.sent({ resources: [cluster('a'), cluster('b')], removed: [] }, '1')).toBe(version);
    expect(second.sent({ resources: [a], removed: [] }, '2')).not.toBe(version);
  });
});

describe('endpoints, routes and secrets', () => {
  const [a, b] = [endpoints('a'), endpoints('b')];

  it('come alone when they have changed', () => {
    const client = given(false, { names: ['a', 'b'] });
    expect(client.send(byName(a, b))).toEqual(['a', 'b']);
    client.answer({ names: ['a', 'b'] });
    expect(client.due(byName(a, endpoints('b', 81)))).toEqual(['b']);
  });

  it('come when the client asks for further names, also with its ACK', () => {
    const client = given(false, { names: ['a'] });
    client.send(byName(a, b));
    expect(client.answer({ names: ['a', 'b'] })).toBe('acknowledged');
    expect(client.due(byName(a, b))).toEqual(['b']);
  });

  it('come again when the client asks again, as it does while a cluster warms', () => {
    const client = given(false, { names: ['a', 'b'] });
    client.send(byName(a, b));
    client.answer({ names: ['a', 'b'] });
    expect(client.answer({ names: ['a', 'b'] })).toBe('subscribed');
    expect(client.send(byName(a, b))).toEqual(['a', 'b']);
    client.answer({ names: ['a', 'b'] });
    expect(client.due(byName(a, b))).toBeUndefined();
  });

  it('stop when the client wants no names any more', () => {
    const client = given(false, { names: ['a'] });
    client.send(byName(a));
    client.answer({ names: [] });
    expect(client.due(byName(endpoints('a', 81), b))).toBeUndefined();
  });

  it('are not repeated for an answer to an older response', () => {
    const client = given(false, { names: ['a'] });
    client.send(byName(a));
    client.answer({ names: ['a'] });
    client.send(byName(endpoints('a', 81)));
    expect(client.receive({ nonce: '1', names: ['a', 'b'] })).toBe('stale');
    expect(client.due(byName(endpoints('a', 81), b))).toBeUndefined();
  });
});

describe('the wildcard', () => {
  const [a, b] = [cluster('a'), cluster('b')];

  it('ends when a client that sent no names sends some', () => {
    const client = given(true, {});
    client.send(byName(a, b));
    client.answer({ names: ['a'] });
    expect(client.send(byName(a, b))).toEqual(['a']);
    client.answer({ names: ['a'] });
    expect(client.due(byName(a, cluster('b', 2)))).toBeUndefined();
  });

  it('stays beside names when it is named', () => {
    const client = given(true, { names: ['*', 'a'] });
    expect(client.due(byName(a, b))?.sort()).toEqual(['a', 'b']);
  });

  it('ends when a client that named it sends no names', () => {
    const client = given(true, { names: ['*'] });
    client.send(byName(a));
    client.answer({ names: [] });
    expect(client.due(byName(cluster('a', 2)))).toBeUndefined();
  });
});

describe('a rejection', () => {
  it('leaves the version where it was, and the same content is not sent again', () => {
    const client = given(true, {});
    client.send(byName(cluster('a')));
    client.answer();
    const good = client.subscription.acknowledgedVersion;
    client.send(byName(cluster('a', 2)));
    expect(client.answer({ error: 'no good' })).toBe('rejected');
    expect(client.subscription.acknowledgedVersion).toBe(good);
    expect([...client.subscription.rejections.values()]).toMatchObject([{ name: 'a', error: 'no good' }]);
    expect(client.due(byName(cluster('a', 2)))).toBeUndefined();
    expect(client.due(byName(cluster('a', 3)))).toEqual(['a']);
  });
});
