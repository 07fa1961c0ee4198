import type { KubeObject } from '../../lib/api/object';
import { SAME_OBJECT_MS, StatusWriter, type WriteOutcome } from '../../lib/controllers/status-writer';
import type { WantedStatus } from '../../lib/controllers/wanted-status';
import type { Query } from '../../lib/discovery/kubernetes/client';
import { FakeClock, refusal } from '../discovery/fake-api';

interface Written {
  readonly at: number;
  readonly path: string;
  readonly body: KubeObject & { status: { conditions: { type: string; status: string }[]; parents?: unknown[] } };
  readonly query: Query;
}

const condition = (type: string, status: string, lastTransitionTime = '2026-01-01T12:00:00Z') => ({
  type,
  status,
  reason: type,
  message: '',
  lastTransitionTime,
});

const virtualService = (name: string): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace: 'shop', generation: 1 },
});

/** A status `Programmed` that should stand on an object on which `standing` stands. */
const wanted = (name: string, status: string, standing?: string): WantedStatus => ({
  object: virtualService(name),
  status: { conditions: [condition('Programmed', status)], observedGeneration: 1 },
  standing: {
    resourceVersion: '7',
    status: standing && {
      conditions: [condition('Programmed', standing, '2025-01-01T00:00:00Z')],
      observedGeneration: 1,
    },
  },
});

let clock: FakeClock;
let written: Written[];
let outcomes: WriteOutcome[];
let stale: number;
let isLeader: boolean;
/** What the API server makes of a status, or how it refuses. */
let answer: (body: Written['body']) => unknown;
let writer: StatusWriter;

beforeEach(() => {
  clock = new FakeClock();
  written = [];
  outcomes = [];
  stale = 0;
  isLeader = true;
  answer = (body) => body;
  writer = new StatusWriter({
    api: {
      patch: async <T>(path: string, type: string, body: unknown, query: Query = {}) => {
        expect(type).toBe('apply');
        written.push({ at: clock.now(), path, body: body as Written['body'], query });
        return answer(body as Written['body']) as T;
      },
    },
    leadership: { isLeader: () => isLeader, subscribe: () => () => undefined },
    clock,
    random: () => 1,
    onOutcome: (outcome) => outcomes.push(outcome),
    onStale: () => stale++,
  });
});
afterEach(() => writer.close());

const names = () => written.map(({ body }) => body.metadata.name);

test('a status is applied to the subresource, with the version that was looked at', async () => {
  writer.replace([wanted('web', 'True')]);
  await clock.advance(0);
  expect(written).toEqual([
    {
      at: 0,
      path: '/apis/networking.istio.io/v1/namespaces/shop/virtualservices/web/status',
      query: { fieldManager: 'malha-status', force: true },
      body: {
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata: { name: 'web', namespace: 'shop', resourceVersion: '7' },
        status: wanted('web', 'True').status,
      },
    },
  ]);
  expect(outcomes).toEqual(['written']);
});

test('what stands there is not written, whatever its times and the order of its lists', async () => {
  const same = wanted('web', 'True', 'True');
  const listed = {
    ...same,
    status: { conditions: [condition('A', 'True'), condition('B', 'True')] },
    standing: {
      status: { conditions: [condition('B', 'True', '2020-01-01T00:00:00Z'), condition('A', 'True')], other: 1 },
    },
  };
  writer.replace([same, listed]);
  await clock.advance(60_000);
  expect(written).toEqual([]);
});

test('namespaces take turns, so that many objects of one keep nobody waiting', async () => {
  const inNamespace = (namespace: string, name: string) => {
    const one = wanted(name, 'True');
    return { ...one, object: { ...one.object, metadata: { ...one.object.metadata, namespace } } };
  };
  writer.replace([
    inNamespace('a', 'a1'),
    inNamespace('a', 'a2'),
    inNamespace('a', 'a3'),
    inNamespace('b', 'b1'),
    inNamespace('c', 'c1'),
    inNamespace('b', 'b2'),
  ]);
  await clock.advance(1_000);
  expect(names()).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
});

test('one object is written at most every five seconds, with what is wanted by then', async () => {
  writer.replace([wanted('web', 'True')]);
  await clock.advance(100);
  writer.replace([wanted('web', 'Unknown', 'True')]);
  await clock.advance(1_000);
  writer.replace([wanted('web', 'False', 'True')]);
  await clock.advance(SAME_OBJECT_MS - 1_101);
  expect(names()).toEqual(['web']);
  await clock.advance(1);
  expect(written.map(({ at, body }) => [at, body.status.conditions[0]!.status])).toEqual([
    [0, 'True'],
    [SAME_OBJECT_MS, 'False'],
  ]);
});

test('what has come to stand there in the meantime is not written any more', async () => {
  writer.replace([wanted('web', 'True')]);
  await clock.advance(100);
  writer.replace([wanted('web', 'False', 'True')]);
  writer.replace([wanted('web', 'True', 'True')]);
  await clock.advance(60_000);
  expect(names()).toEqual(['web']);
});

test('a thousand statuses go out twenty a second, one at a time', async () => {
  writer.replace(Array.from({ length: 1_000 }, (_, i) => wanted(`web-${i}`, 'True')));
  await clock.advance(999);
  expect(written).toHaveLength(20);
  await clock.advance(50_000);
  expect(new Set(names()).size).toBe(1_000);
  expect(writer.waiting).toBe(0);
});

test('a replica that does not lead writes nothing, and one that was deposed stops', async () => {
  writer.replace([wanted('a', 'True'), wanted('b', 'True')]);
  await clock.advance(0);
  isLeader = false;
  await clock.advance(60_000);
  expect(names()).toEqual(['a']);
  expect(writer.waiting).toBe(0);
});

test('after a conflict it is asked what stands there by now, and written a second later', async () => {
  answer = () => {
    throw refusal(409);
  };
  writer.replace([wanted('web', 'True')]);
  await clock.advance(0);
  expect([outcomes, stale]).toEqual([['conflict'], 1]);
  answer = (body) => body;
  writer.replace([{ ...wanted('web', 'True'), standing: { resourceVersion: '8' } }]);
  await clock.advance(999);
  expect(written).toHaveLength(1);
  await clock.advance(1);
  expect(written[1]!.body.metadata.resourceVersion).toBe('8');
});

test('an object that is gone is let go; what a server refuses is not tried again before it is another', async () => {
  answer = ({ metadata }) => {
    throw refusal(metadata.name === 'gone' ? 404 : 422);
  };
  writer.replace([wanted('gone', 'True'), wanted('odd', 'True')]);
  await clock.advance(10_000);
  writer.replace([wanted('odd', 'True')]);
  await clock.advance(10_000);
  expect(names()).toEqual(['gone', 'odd']);
  writer.replace([wanted('odd', 'False')]);
  await clock.advance(10_000);
  expect(names()).toEqual(['gone', 'odd', 'odd']);
});

test('a server that is away is asked less and less often, and gets everything when it is back', async () => {
  answer = () => {
    throw new Error('connection refused');
  };
  const all = [wanted('a', 'True'), wanted('b', 'True')];
  writer.replace(all);
  for (let second = 0; second < 30; second++) {
    await clock.advance(1_000);
    writer.replace(all);
  }
  expect(written.length).toBeLessThan(10);
  answer = (body) => body;
  for (let second = 0; second < 60; second++) {
    await clock.advance(1_000);
    writer.replace(all.filter(({ object }) => !done().has(object.metadata.name)));
  }
  expect([...done()].sort()).toEqual(['a', 'b']);
  function done() {
    return new Set(outcomes.flatMap((outcome, i) => (outcome === 'written' ? [names()[i]!] : [])));
  }
});

test('a server that drops a field of a status is not asked again and again', async () => {
  const dropped = { conditions: [condition('Programmed', 'True')] };
  answer = (body) => ({ ...body, status: dropped });
  writer.replace([wanted('web', 'True')]);
  await clock.advance(0);
  writer.replace([{ ...wanted('web', 'True'), standing: { resourceVersion: '8', status: dropped } }]);
  await clock.advance(60_000);
  expect(written).toHaveLength(1);
});

test('conditions of others stay theirs where each has its own, and are kept where the list is one value', async () => {
  const conditions = [condition('Accepted', 'True'), condition('example.com/Healthy', 'True')];
  const gateway = {
    ...wanted('edge', 'True'),
    object: {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'edge', namespace: 'shop' },
    },
    status: { conditions, listeners: [{ name: 'http', conditions }] },
  };
  writer.replace([gateway, { ...wanted('web', 'True'), status: { conditions } }]);
  await clock.advance(1_000);
  const [own, all] = written.map(({ body }) => body.status);
  expect(own).toEqual({ conditions: [conditions[0]], listeners: [{ name: 'http', conditions: [conditions[0]] }] });
  expect(all).toEqual({ conditions });
});
