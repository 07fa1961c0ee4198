import { type ReplicaAddress, ReplicaStatuses, readReplicaMessage } from '../../lib/controllers/replica-statuses';

type Status = { proxies: number };
const read = (value: unknown): Status => {
  if (typeof (value as Status).proxies !== 'number') throw new Error('no status');
  return value as Status;
};
const three: ReplicaAddress[] = [
  { name: 'c', address: '198.18.0.3:15012' },
  { name: 'a', address: '198.18.0.1:15012' },
  { name: 'b', address: '198.18.0.2:15012' },
];

test('every replica but this one is asked, at the same time, and answers by its name', async () => {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const statuses = new ReplicaStatuses({
    name: 'a',
    addresses: () => three,
    ask(address) {
      asked.push(address);
      return new Promise((resolve) => {
        answers.push(() => resolve({ replica: address, name: 'self-said', status: { proxies: asked.length } }));
      });
    },
    read,
  });
  const said = statuses.ofOthers();
  expect(asked).toEqual(['198.18.0.3:15012', '198.18.0.2:15012']);
  // Somebody who asks meanwhile costs nothing.
  expect(statuses.ofOthers()).toBe(said);
  for (const answer of answers) answer();
  expect(await said).toEqual([
    { name: 'b', address: '198.18.0.2:15012', status: { proxies: 2 } },
    { name: 'c', address: '198.18.0.3:15012', status: { proxies: 2 } },
  ]);
  void statuses.ofOthers();
  expect(asked).toHaveLength(4);
});

test('a replica that does not answer, or with nonsense, is told of with the reason', async () => {
  const statuses = new ReplicaStatuses({
    name: 'a',
    addresses: () => three,
    async ask(address) {
      if (address.startsWith('198.18.0.2')) throw new Error('no answer within 5 s');
      return { replica: 'three', name: 'c', status: 'fine' };
    },
    read,
  });
  expect(await statuses.ofOthers()).toEqual([
    { name: 'b', address: '198.18.0.2:15012', error: 'no answer within 5 s' },
    { name: 'c', address: '198.18.0.3:15012', error: 'no status' },
  ]);
});

test('where the Service names no Pods, a replica finds by asking which of them it is itself', async () => {
  const statuses = new ReplicaStatuses({
    addresses: () => three.map(({ address }) => ({ address })),
    async ask(address) {
      if (address.startsWith('198.18.0.1')) return { replica: 'one', name: 'a' };
      if (address.startsWith('198.18.0.2')) throw new Error('gone');
      return { replica: 'three', name: 'c', status: { proxies: 1 } };
    },
    read,
  });
  expect(await statuses.ofOthers()).toEqual([
    { name: '198.18.0.2:15012', address: '198.18.0.2:15012', error: 'gone' },
    { name: 'c', address: '198.18.0.3:15012', status: { proxies: 1 } },
  ]);
});

test.each(['', '[]', '{}', '{"replica":"x"}', 'null'])('a message is not %s', (text) => {
  expect(() => readReplicaMessage(Buffer.from(text))).toThrow();
});
