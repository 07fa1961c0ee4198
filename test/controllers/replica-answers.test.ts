import {
  type AskReplica,
  type ReplicaAddress,
  ReplicaAnswers,
  readQuestion,
  readReplicaMessage,
  type Topic,
} from '../../lib/controllers/replica-answers';

type Status = { proxies: number };
const status: Topic<Status> = {
  name: 'status',
  answer: () => ({ proxies: 1 }),
  read(value) {
    if (typeof (value as Status).proxies !== 'number') throw new Error('no status');
    return value as Status;
  },
};
const three: ReplicaAddress[] = [
  { name: 'c', address: '198.18.0.3:15012' },
  { name: 'a', address: '198.18.0.1:15012' },
  { name: 'b', address: '198.18.0.2:15012' },
];
const asking = (ask: AskReplica) => new ReplicaAnswers({ name: 'a', addresses: () => three, ask });

test('every replica but this one is asked, at the same time, and answers by its name', async () => {
  const asked: string[] = [];
  const give: (() => void)[] = [];
  const answers = asking((address) => {
    asked.push(address);
    return new Promise((resolve) => {
      give.push(() => resolve({ replica: address, name: 'self-said', answer: { proxies: asked.length } }));
    });
  });
  const said = answers.ofOthers(status);
  expect(asked).toEqual(['198.18.0.3:15012', '198.18.0.2:15012']);
  // Somebody who asks the same meanwhile costs nothing.
  expect(answers.ofOthers(status)).toBe(said);
  for (const each of give) each();
  expect(await said).toEqual([
    { name: 'b', address: '198.18.0.2:15012', answer: { proxies: 2 } },
    { name: 'c', address: '198.18.0.3:15012', answer: { proxies: 2 } },
  ]);
  void answers.ofOthers(status);
  expect(asked).toHaveLength(4);
});

test('somebody who asks something else meanwhile gets an answer to that', async () => {
  const answers = asking(async (address, { topic, parameter }) => ({
    replica: address,
    name: address,
    answer: `${topic} of ${parameter}`,
  }));
  const words = (name: string): Topic<string> => ({ name, answer: () => '', read: String });
  const said = await Promise.all([
    answers.ofOthers(words('status')),
    answers.ofOthers(words('configuration'), 'web-1.shop'),
    answers.ofOthers(words('configuration'), 'web-2.shop'),
  ]);
  expect(said.map(([first]) => first && 'answer' in first && first.answer)).toEqual([
    'status of ',
    'configuration of web-1.shop',
    'configuration of web-2.shop',
  ]);
});

test('a replica that does not answer, or with nonsense, is told of with the reason', async () => {
  const answers = asking(async (address) => {
    if (address.startsWith('198.18.0.2')) throw new Error('no answer within 5 s');
    return { replica: 'three', name: 'c', answer: 'fine' };
  });
  expect(await answers.ofOthers(status)).toEqual([
    { name: 'b', address: '198.18.0.2:15012', error: 'no answer within 5 s' },
    { name: 'c', address: '198.18.0.3:15012', error: 'no status' },
  ]);
});

test('where the Service names no Pods, a replica finds by asking which of them it is itself', async () => {
  const answers = new ReplicaAnswers({
    addresses: () => three.map(({ address }) => ({ address })),
    async ask(address) {
      if (address.startsWith('198.18.0.1')) return { replica: 'one', name: 'a' };
      if (address.startsWith('198.18.0.2')) throw new Error('gone');
      return { replica: 'three', name: 'c', answer: { proxies: 1 } };
    },
  });
  expect(await answers.ofOthers(status)).toEqual([
    { name: '198.18.0.2:15012', address: '198.18.0.2:15012', error: 'gone' },
    { name: 'c', address: '198.18.0.3:15012', answer: { proxies: 1 } },
  ]);
});

test.each(['', '[]', '{}', '{"replica":"x"}', 'null'])('neither a message nor a question is %s', (text) => {
  expect(() => readReplicaMessage(Buffer.from(text))).toThrow();
  expect(() => readQuestion(Buffer.from(text))).toThrow();
});
