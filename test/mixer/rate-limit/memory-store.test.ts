import { MemoryStore } from '../../../lib/mixer/rate-limit/memory-store';

const window = (rule: string, requests = 1) => ({ rule, requests, seconds: 3600 });

describe('counts in memory', () => {
  let store: MemoryStore;
  afterEach(() => store.close());

  it('keep so many keys of each rule; the one that was not seen for longest begins anew, and no other rule is concerned', async () => {
    store = new MemoryStore(3);
    const isOver = async (rule: string, key: string) => (await store.count(window(rule), key, 1)).isOver;
    await isOver('a', 'quiet');
    for (const key of ['1', '2', '3', '4']) expect(await isOver('b', key)).toBe(false);
    expect({ keys: store.keys, dropped: store.dropped }).toEqual({ keys: 4, dropped: 1 });
    expect(await isOver('b', '2')).toBe(true);
    expect(await isOver('b', '1')).toBe(false);
    expect(await isOver('a', 'quiet')).toBe(true);
  });

  it('begin anew when the limit of the rule changes', async () => {
    store = new MemoryStore();
    await store.count(window('a'), 'k', 1);
    expect(await store.count(window('a'), 'k', 1)).toMatchObject({ isOver: true, remaining: 0 });
    expect(await store.count(window('a', 5), 'k', 1)).toMatchObject({ isOver: false, remaining: 4 });
    expect(store.keys).toBe(1);
  });
});
