/** What all replicas of a control plane know, put together from what each of them tells. */
import { graphOf } from '../../apps/control-plane/graph';
import { type ConfiguredProxy, configurationAnswer, mayAskFor } from '../../apps/control-plane/proxy-configuration';
import { replicasOf } from '../../apps/control-plane/replica-addresses';
import { Replicas } from '../../apps/control-plane/replicas';
import { readStatus, type Status, statusOfAll, withinNamespaceOf } from '../../apps/control-plane/status';
import type { ReplicaAnswer } from '../../lib/controllers/replica-answers';
import { readObjects } from '../../lib/discovery/files';
import { complete, World } from '../../lib/world';
import type { MeshSource } from '../../lib/xds/mesh-source';

const certificate = (level: string, notAfter: string) => ({
  level,
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter,
  isOverdue: false,
});
const status = (proxies: string[], resources: string[], more: object = {}) =>
  readStatus({
    version: '0.1.0',
    since: '2026-05-01T10:00:00.000Z',
    configuration: { state: 'current', generation: 1, objects: 2 },
    proxies: proxies.map((name) => ({ node: { id: `sidecar~198.18.0.9~${name}~x.svc.cluster.local` } })),
    findings: resources.map((resource) => ({ code: 'MAL0040', resource })),
    calls: [],
    lost: 0,
    certificates: [],
    ...more,
  });
const own = status(['web-1.shop', 'teller-1.bank'], ['VirtualService shop/web']);
const other = <Answer>(answer: Answer) => ({ name: 'two', address: '198.18.0.2:15012', answer });
const silent = { name: 'three', address: '198.18.0.3:15012', error: 'no answer within 5 s' };

const brief = ({ proxies, findings }: Status) => ({
  proxies: proxies.map(({ node, replica }) => `${node.id.split('~')[2]} at ${replica}`),
  findings: findings.map(({ resource }) => resource),
});

describe('how it goes in all replicas', () => {
  test('has the proxies of each with its name, what several have found once, and who is silent', () => {
    const stale = { configuration: { state: 'stale' } };
    const two = status(['web-2.shop'], ['VirtualService shop/web', 'VirtualService bank/desk'], stale);
    const all = statusOfAll(own, 'one', [other(two), silent]);
    expect(brief(all)).toEqual({
      proxies: ['web-1.shop at one', 'teller-1.bank at one', 'web-2.shop at two'],
      findings: ['VirtualService shop/web', 'VirtualService bank/desk'],
    });
    const { version, since, configuration } = own;
    expect(all.replicas).toEqual([
      { name: 'one', version, since, configuration },
      { name: 'two', address: '198.18.0.2:15012', version, since, configuration: two.configuration },
      silent,
    ]);
  });

  test('counts what each has counted, since the first of them began', () => {
    const call = { source: 'a.shop', destination: 'b:80', code: 200, protocol: 'http', count: 2, milliseconds: 1 };
    const seen = (lastSeen: string, more: object) => status([], [], { calls: [{ ...call, lastSeen }], ...more });
    const one = seen('2026-05-01T12:00:00.000Z', { lost: 3 });
    const two = seen('2026-05-01T11:00:00.000Z', { since: '2026-05-01T09:00:00.000Z', lost: 4 });
    const { calls, since, lost } = statusOfAll(one, 'one', [other(two)]);
    expect(calls).toEqual([{ ...call, count: 4, lastSeen: '2026-05-01T12:00:00.000Z' }]);
    expect({ since, lost }).toEqual({ since: '2026-05-01T09:00:00.000Z', lost: 7 });
  });

  test('has a certificate of all of them once, and says whose it is where they differ', () => {
    const root = certificate('root', '2036-01-01T00:00:00.000Z');
    const [mine, others] = ['2026-05-02', '2026-05-03'].map((day) => certificate('serving', `${day}T00:00:00.000Z`));
    const [one, two] = [
      status([], [], { certificates: [root, mine] }),
      status([], [], { certificates: [root, others] }),
    ];
    expect(statusOfAll(one, 'one', [other(two)]).certificates).toEqual([
      root,
      { ...mine, replicas: ['one'] },
      { ...others, replicas: ['two'] },
    ]);
    expect(statusOfAll(one, 'one', []).certificates).toEqual([root, mine]);
  });

  test('shows who may see one namespace nothing of another, whichever replica has told it (THREATS 18)', () => {
    const call = { destination: 'b.bank:80', code: 200, count: 1, lastSeen: '2026-05-01T12:00:00.000Z' };
    const two = status(['web-2.shop', 'teller-2.bank'], ['VirtualService bank/desk'], {
      calls: [
        { ...call, source: 'a.shop' },
        { ...call, source: 'x.shop', destination: 'y.shop:80' },
      ],
      certificates: [certificate('root', '2036-01-01T00:00:00.000Z')],
    });
    const seen = withinNamespaceOf(statusOfAll(own, 'one', [other(two)]), 'bank');
    expect(brief(seen)).toEqual({
      proxies: ['teller-1.bank at one', 'teller-2.bank at two'],
      findings: ['VirtualService bank/desk'],
    });
    expect(seen.calls.map(({ source }) => source)).toEqual(['a.shop']);
    expect(seen.certificates).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'fine'],
    ['no proxies', { ...own, proxies: undefined }],
    ['a proxy without a name', { ...own, proxies: [{}] }],
    [
      'calls that were seen at no time',
      { ...own, calls: [{ source: 'a', destination: 'b', count: 1, lastSeen: 'x' }] },
    ],
    ['no time since when', { ...own, since: undefined }],
  ])('is not made of %s', (_, value) => {
    expect(() => readStatus(value)).toThrow('it answers with no status of a control plane');
  });
});

describe('the graph of all replicas', () => {
  const app = (name: string, callers: string[]) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}-1, namespace: shop, labels: { app: ${name} } }
spec: { serviceAccountName: ${name}, containers: [{ name: app }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: ${name} } }
  rules: [{ from: [{ source: { principals: [${callers.map((each) => `cluster.local/ns/shop/sa/${each}`).join()}] } }] }]
`;
  const objects = complete(
    readObjects([app('page', []), app('reviews', ['page']), app('stars', ['reviews'])].join('---'), 'x.yaml').objects,
  );
  const source = { world: World.of(objects), objects };
  const call = (from: string, to: string) => ({
    source: `${from}-1.shop`,
    destination: `${to}.shop.svc.cluster.local:80`,
    code: 200,
    protocol: 'http',
    count: 1,
    lastSeen: '2026-05-01T12:00:00.000Z',
  });
  const one = status([], [], { calls: [call('page', 'reviews')] });
  const two = status([], [], { calls: [call('page', 'stars')], since: '2026-05-01T11:00:00.000Z' });
  const graph = (others: ReplicaAnswer<Status>[], replicaGone?: Date, mine = one) => {
    const page = graphOf({ source, status: statusOfAll(mine, 'one', others), replicaGone });
    return {
      ...page,
      states: Object.fromEntries(page.edges.map(({ source: from, target, state }) => [`${from} ${target}`, state])),
    };
  };

  test('has what any of them has seen, and calls unseen what none has', () => {
    const { states, unseen } = graph([other(two)]);
    expect(states).toEqual({
      'shop/page shop/reviews': 'expected',
      'shop/page shop/stars': 'undeclared',
      'shop/reviews shop/stars': 'unseen',
    });
    expect(unseen.map(({ source: from, target }) => `${from} ${target}`)).toEqual(['shop/reviews shop/stars']);
  });

  test('calls nothing unseen while one does not answer, which it names: no data is not zero', () => {
    const { states, unseen, replicas } = graph([other(two), silent]);
    expect(states).toMatchObject({ 'shop/page shop/reviews': 'expected', 'shop/reviews shop/stars': 'declared' });
    expect(unseen).toEqual([]);
    expect(replicas).toContainEqual(silent);
  });

  test('nor before there is any log', () => {
    expect(graph([], undefined, own)).toMatchObject({ unseen: [], states: { 'shop/reviews shop/stars': 'declared' } });
  });

  test('says since when it counts, and since when nothing is missing: none has begun later, none has gone', () => {
    const times = ({ since, wholeSince, replicas }: ReturnType<typeof graph>) => ({
      since,
      wholeSince,
      each: replicas.map((replica) => replica.since),
    });
    const [first, second, gone] = [one.since, two.since, '2026-05-01T11:30:00.000Z'];
    expect(times(graph([]))).toEqual({ since: first, wholeSince: first, each: [first] });
    expect(times(graph([other(two)]))).toEqual({ since: first, wholeSince: second, each: [first, second] });
    expect(times(graph([other(two)], new Date(gone)))).toMatchObject({ since: first, wholeSince: gone });
  });
});

describe('the configuration of a proxy', () => {
  const found = (connectedAt: string): ConfiguredProxy =>
    ({
      proxy: { node: { id: 'sidecar~198.18.0.9~web-1.shop~x' }, connectedAt },
      configuration: { listeners: [] },
    }) as never;
  const own = (answer: ConfiguredProxy | null) => ({ name: 'one', answer });
  const replicaOf = (answers: ReplicaAnswer<ConfiguredProxy | null>[]) =>
    JSON.parse(String(configurationAnswer(answers).body)).proxy.replica;

  test('comes from the replica that serves it, at last where it was at several', () => {
    expect(replicaOf([own(null), other(found('2026-05-01T10:00:00.000Z'))])).toBe('two');
    expect(replicaOf([own(found('2026-05-01T10:00:00.000Z')), silent])).toBe('one');
    const moved = [own(found('2026-05-01T10:00:00.000Z')), other(found('2026-05-01T11:00:00.000Z'))];
    expect(replicaOf(moved)).toBe('two');
  });

  test('is not said to be nowhere while a replica does not answer', () => {
    const answer = configurationAnswer([own(null), silent]);
    expect(answer.code).toBe(503);
    expect(answer.body).toContain('three: no answer within 5 s');
    expect(configurationAnswer([own(null), other(null)]).code).toBe(404);
  });

  test.each(['web-1.shop', 'sidecar~198.18.0.9~web-1.shop~shop.svc.cluster.local'])(
    'is for those who may see its namespace: %s',
    (name) => {
      expect([
        mayAskFor(name, {}),
        mayAskFor(name, { namespace: 'shop' }),
        mayAskFor(name, { namespace: 'bank' }),
      ]).toEqual([true, true, false]);
    },
  );
});

describe('a control plane', () => {
  test('asks every Pod behind its Service by one address, ready or not: one that ends may still serve proxies', () => {
    const pod = (name: string, address: string, ready = true) => ({
      addresses: [address],
      conditions: { ready },
      targetRef: { kind: 'Pod', name },
    });
    const slices = [
      { addressType: 'IPv4', endpoints: [pod('a', '198.18.0.1'), pod('b', '198.18.0.2', false)] },
      { addressType: 'IPv6', endpoints: [pod('a', 'fd00::1'), pod('c', 'fd00::3'), { addresses: ['fd00::4'] }] },
      { addressType: 'IPv4' },
    ];
    expect(replicasOf(worldOf(slices), 'malha-system')).toEqual([
      { name: 'a', address: '198.18.0.1:15012' },
      { name: 'b', address: '198.18.0.2:15012' },
      { name: 'c', address: '[fd00::3]:15012' },
      { name: undefined, address: '[fd00::4]:15012' },
    ]);
    expect(replicasOf(worldOf(slices), 'elsewhere')).toEqual([]);
  });

  const worldOf = (slices: object[]) =>
    ({
      inventory: { slices: new Map([['malha-system/malha-control-plane', slices]]), services: new Map() },
    }) as unknown as World;
  const topic = { name: 'status', answer: () => own, read: readStatus };

  function given(world: World) {
    const listeners: (() => void)[] = [];
    const source = {
      world,
      subscribe(onChange: () => void) {
        listeners.push(onChange);
        return () => undefined;
      },
    };
    const replicas = new Replicas({
      replica: 'one',
      namespace: () => 'malha-system',
      source: source as unknown as MeshSource,
      xds: () => undefined,
      objects: () => [],
      topics: [topic],
      log: { info() {}, warn() {}, error() {} },
    });
    const change = (next: World) => {
      source.world = next;
      for (const onChange of listeners) onChange();
    };
    return { replicas, change };
  }
  const identity = { identity: () => ({ chainPem: '', keyPem: '', roots: [] }) };

  test('says so when its replicas are not known, and asks nobody where it is alone', async () => {
    const { replicas } = given(worldOf([]));
    expect(await replicas.all(topic)).toEqual([{ name: 'malha-control-plane', answer: own }]);
    replicas.join(identity);
    expect(await replicas.others(topic)).toEqual([
      {
        name: 'malha-control-plane',
        address: 'malha-control-plane.malha-system.svc.cluster.local:15012',
        error: 'the Service of the control plane has no endpoints, so no other replica is known',
      },
    ]);
  });

  test('notes when a replica has gone, not when one has come', () => {
    const endpoints = (...names: string[]) =>
      worldOf([{ endpoints: names.map((name) => ({ addresses: [name], targetRef: { kind: 'Pod', name } })) }]);
    const { replicas, change } = given(endpoints('a', 'b'));
    replicas.join(identity);
    change(endpoints('a', 'b', 'c'));
    expect(replicas.gone).toBeUndefined();
    change(endpoints('a', 'c'));
    expect(replicas.gone).toBeInstanceOf(Date);
  });
});
