/** Live requests of all replicas, read again and again. */
import { type ReplicaTap, tapOf, tapTopic } from '../../apps/control-plane/tap';
import { readCursor } from '../../apps/control-plane/tap-cursor';
import type { ReplicaAnswer } from '../../lib/controllers/replica-answers';
import { RecentRequests } from '../../lib/mixer/recent-requests';

const BEGUN = Date.parse('2026-05-01T10:00:00.000Z');

class Replica {
  readonly recent: RecentRequests;
  lost = 0;
  readonly topic;

  constructor(id: string, since = BEGUN - 60_000, capacity?: number) {
    this.recent = new RecentRequests(capacity);
    this.topic = tapTopic({
      replica: `${id.repeat(8)}-0000-4000-8000-000000000000`,
      since: new Date(since),
      recent: this.recent,
      world: () => undefined,
      lost: () => this.lost,
    });
  }

  log(path: string, second: number, namespace = 'shop'): void {
    const common_properties = {
      upstream_cluster: 'outbound|80||api.shop.svc.cluster.local',
      start_time: new Date(BEGUN + second * 1000).toISOString(),
    };
    const request = { path, request_method: 'GET' as const };
    this.recent.addHttp(`sidecar~198.18.0.1~web-1.${namespace}~x`, { common_properties, request });
  }
}

/** @param silent names of those that do not answer. */
function read(
  replicas: Record<string, Replica>,
  after: string | null,
  { silent = [] as string[], namespace = undefined as string | undefined } = {},
) {
  const answers = Object.entries(replicas).map(
    ([name, { topic }]): ReplicaAnswer<ReplicaTap> =>
      silent.includes(name)
        ? { name, error: 'no answer within 5 s' }
        : // As it comes from another replica.
          { name, answer: topic.read(JSON.parse(JSON.stringify(topic.answer(after ?? '')))) },
  );
  const tap = tapOf(answers, after, { namespace, now: BEGUN });
  return { ...tap, paths: tap.requests.map(({ path }) => path) };
}

test('has the requests of every replica since it was last read, oldest first, and none of before', () => {
  const [a, b] = [new Replica('a'), new Replica('b')];
  a.log('/before', 0);
  const begun = read({ a, b }, null);
  expect(begun.paths).toEqual([]);
  b.log('/second', 2);
  a.log('/first', 1);
  a.log('/third', 3);
  const next = read({ a, b }, begun.cursor);
  expect(next).toMatchObject({ paths: ['/first', '/second', '/third'], missed: 0 });
  expect(read({ a, b }, next.cursor).paths).toEqual([]);
});

test('names a replica that does not answer, and goes on where it was when it does again', () => {
  const [a, b] = [new Replica('a'), new Replica('b')];
  const { cursor } = read({ a, b }, null);
  b.log('/meanwhile', 1);
  const alone = read({ a, b }, cursor, { silent: ['b'] });
  expect(alone.paths).toEqual([]);
  expect(alone.replicas).toEqual([{ name: 'a' }, { name: 'b', error: 'no answer within 5 s' }]);
  expect(read({ a, b }, alone.cursor).paths).toEqual(['/meanwhile']);
});

test('has all of a replica that has begun since, and nothing old of one that was silent at first', () => {
  const [a, b] = [new Replica('a'), new Replica('b')];
  b.log('/old', 0);
  const { cursor } = read({ a, b }, null, { silent: ['b'] });
  const young = new Replica('c', BEGUN + 1_000);
  young.log('/of-the-young', 2);
  const next = read({ a, b, young }, cursor);
  expect(next.paths).toEqual(['/of-the-young']);
  b.log('/new', 3);
  expect(read({ a, b, young }, next.cursor).paths).toEqual(['/new']);
});

test('says how many went by: forgotten before they were read, or never taken in', () => {
  const [a, b] = [new Replica('a', BEGUN - 1, 3), new Replica('b')];
  b.lost = 7;
  const { cursor } = read({ a, b }, null);
  for (let n = 0; n < 5; n++) a.log(`/${n}`, n);
  b.lost = 11;
  const { paths, missed } = read({ a, b }, cursor);
  expect({ paths, missed }).toEqual({ paths: ['/2', '/3', '/4'], missed: 2 + 4 });
});

test('shows who may see one namespace the requests from and to it alone, of every replica (THREATS 18)', () => {
  const [a, b] = [new Replica('a'), new Replica('b')];
  const { cursor } = read({ a, b }, null);
  a.log('/of-shop', 1);
  b.log('/from-bank', 2, 'bank');
  expect(read({ a, b }, cursor, { namespace: 'bank' }).paths).toEqual(['/from-bank']);
  expect(read({ a, b }, cursor, { namespace: 'other' }).paths).toEqual([]);
});

test.each([
  '',
  '7',
  '-1',
  '1~',
  '1~aaaaaaaa.1',
  '1~AAAAAAAA.1.1',
  `1${'~aaaaaaaa.1.1'.repeat(101)}`,
  '1~aaaaaaaa.1.1\n',
])('begins now with a cursor that is %j', (after) => {
  expect(readCursor(after)).toBeUndefined();
  const a = new Replica('a');
  a.log('/before', 0);
  expect(read({ a }, after).paths).toEqual([]);
});

test('a cursor does not grow with the replicas that come and go', () => {
  let cursor = read({}, null).cursor;
  for (let n = 0; n < 300; n++) {
    const id = n.toString(16).padStart(8, '0');
    const answer: ReplicaTap = { replica: id, sequence: n, lost: 0, missed: 0, requests: [] };
    cursor = tapOf([{ name: 'x', answer }], cursor, { now: BEGUN }).cursor;
  }
  expect(readCursor(cursor)!.replicas.size).toBe(100);
  expect(readCursor(cursor)!.replicas.get('0000012b')).toEqual({ sequence: 299, lost: 0 });
});

test.each([
  null,
  {},
  { replica: 'x', sequence: 1, lost: 0, missed: 0, requests: [] },
  { replica: 'aaaaaaaa', requests: [] },
])('is not made of %j', (value) => {
  expect(() => new Replica('a').topic.read(value)).toThrow('it answers with no requests');
});
