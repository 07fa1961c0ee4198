import type { KubeObject } from '../../lib/api/object';
import { ReportDifferences, type ReportMessage, readMessage, versionOf } from '../../lib/controllers/object-reports';
import { ReplicaReports } from '../../lib/controllers/replica-reports';
import type { ObjectReport } from '../../lib/xds/local-reports';
import { FakeClock } from '../discovery/fake-api';

const rule = (generation: number, name = 'web'): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name, namespace: 'shop', uid: `uid of ${name}`, generation },
});

interface Watch {
  readonly address: string;
  readonly onMessage: (message: ReportMessage) => void;
  readonly onEnd: (error?: Error) => void;
}

let clock: FakeClock;
let addresses: string[];
let changed: () => void;
let isLeader: boolean;
let own: ObjectReport;
let watches: Watch[];
let told: number;
let reports: ReplicaReports;

beforeEach(() => {
  clock = new FakeClock();
  addresses = ['198.18.0.1:15012', '198.18.0.2:15012'];
  isLeader = true;
  own = { state: 'landed' };
  watches = [];
  told = 0;
  reports = new ReplicaReports({
    replica: 'one',
    local: { now: () => () => own, subscribe: () => () => undefined },
    addresses: () => addresses,
    subscribe(onChange) {
      changed = onChange;
      return () => undefined;
    },
    watch(address, onMessage, onEnd) {
      const watch = { address, onMessage, onEnd };
      watches.push(watch);
      return () => {
        const at = watches.indexOf(watch);
        if (at < 0) return;
        watches.splice(at, 1);
        onEnd();
      };
    },
    leadership: { isLeader: () => isLeader, subscribe: () => () => undefined },
    clock,
    log: { warn: () => {} },
  });
  reports.subscribe(() => told++);
});
afterEach(() => reports.close());

const other = () => watches.find(({ address }) => address.startsWith('198.18.0.2'))!;
const say = (said: ObjectReport | null, object = rule(1)) =>
  other().onMessage({ replica: 'two', changes: { [versionOf(object)]: said } });
const now = (object = rule(1)) => reports.now()(object);

test('an object has landed when it has on the proxies of every replica that tells', () => {
  expect(now()).toEqual({ state: 'landed' });
  other().onMessage({ replica: 'two', changes: {} });
  // It is connected, and does not have this version of the object yet.
  expect(now()).toEqual({ state: 'pending' });
  say({ state: 'landed' });
  expect(now()).toEqual({ state: 'landed' });
  expect(now(rule(2))).toEqual({ state: 'pending' });
  expect(told).toBeGreaterThanOrEqual(2);
});

test('one proxy that refuses is enough, whoever serves it; proxies of a Gateway are counted together', () => {
  say({ state: 'refused', error: 'no' });
  expect(now()).toEqual({ state: 'refused', error: 'no' });
  say({ state: 'landed', proxies: 2 });
  own = { state: 'landed', proxies: 0 };
  expect(now()).toEqual({ state: 'landed', proxies: 2 });
});

test('what this replica itself does not know is not known', () => {
  say({ state: 'landed' });
  own = { state: 'unknown' };
  expect(now()).toEqual({ state: 'unknown' });
});

test('it does not ask itself, once it has seen that it is itself', async () => {
  watches[0]!.onMessage({ replica: 'one', changes: {} });
  await clock.advance(60_000);
  expect(watches.map(({ address }) => address)).toEqual(['198.18.0.2:15012']);
  expect(now()).toEqual({ state: 'landed' });
});

test('a replica that is lost is asked again, and nobody waits for it until it answers', async () => {
  say({ state: 'pending' });
  expect(now()).toEqual({ state: 'pending' });
  const lost = other();
  watches.splice(watches.indexOf(lost), 1);
  lost.onEnd(new Error('gone'));
  expect(now()).toEqual({ state: 'landed' });
  await clock.advance(1_000);
  say({ state: 'pending' });
  expect(now()).toEqual({ state: 'pending' });
});

test('replicas come and go, and a replica that does not lead asks nobody', () => {
  addresses = ['198.18.0.2:15012', '198.18.0.3:15012'];
  changed();
  expect(watches.map(({ address }) => address)).toEqual(addresses);
  isLeader = false;
  changed();
  expect(watches).toEqual([]);
});

describe('what one replica tells another', () => {
  const state = (said: Record<string, ObjectReport>) => (object: KubeObject) =>
    said[object.metadata.name] ?? ({ state: 'unknown' } as const);

  test('is all at first, then what is new, and what is no more', () => {
    const differences = new ReportDifferences();
    const [a, b] = [rule(1, 'a'), rule(1, 'b')];
    const landed = { state: 'landed' } as const;
    const pending = { state: 'pending' } as const;
    expect(differences.next([a, b], state({ a: landed, b: pending }))).toEqual({
      [versionOf(a)]: landed,
      [versionOf(b)]: pending,
    });
    expect(differences.next([a, b], state({ a: landed, b: pending }))).toBeUndefined();
    const edited = rule(2, 'a');
    expect(differences.next([edited, b], state({ a: pending, b: pending }))).toEqual({
      [versionOf(edited)]: pending,
      [versionOf(a)]: null,
    });
    expect(differences.next([], state({}))).toEqual({ [versionOf(edited)]: null, [versionOf(b)]: null });
  });

  test('leaves out what is not in force there, and what is none of the mesh', () => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' } };
    const said = new ReportDifferences().next([rule(1, 'b'), service], state({ a: { state: 'landed' } }));
    expect(said).toBeUndefined();
  });

  test.each(['', '[]', '{}', '{"replica":"x","changes":{"a":{"state":"fine"}}}'])('is not %s', (text) => {
    expect(() => readMessage(Buffer.from(text))).toThrow();
  });
});
