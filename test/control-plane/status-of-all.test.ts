/** How it goes in all replicas of a control plane, put together from what each of them tells. */
import { replicasOf } from '../../apps/control-plane/replica-addresses';
import { Replicas } from '../../apps/control-plane/replicas';
import { type ReplicaStatus, readReplicaStatus, statusOfAll } from '../../apps/control-plane/status';
import type { World } from '../../lib/world';
import type { MeshSource } from '../../lib/xds/mesh-source';

const status = (proxies: string[], resources: string[], state = 'current') =>
  readReplicaStatus({
    version: '0.1.0',
    configuration: { state, generation: 1, objects: 2 },
    proxies: proxies.map((name) => ({ node: { id: `sidecar~198.18.0.9~${name}~x.svc.cluster.local` } })),
    findings: resources.map((resource) => ({ code: 'MAL0040', resource })),
  });
const own = status(['web-1.shop', 'teller-1.bank'], ['VirtualService shop/web']);
const other = (said: ReplicaStatus) => ({ name: 'two', address: '198.18.0.2:15012', status: said });
const silent = { name: 'three', address: '198.18.0.3:15012', error: 'no answer within 5 s' };

const brief = ({ proxies, findings }: ReplicaStatus) => ({
  proxies: proxies.map(({ node, replica }) => `${node.id.split('~')[2]} at ${replica}`),
  findings: findings.map(({ resource }) => resource),
});

test('has the proxies of each with its name, what several have found once, and who is silent', () => {
  const two = status(['web-2.shop'], ['VirtualService shop/web', 'VirtualService bank/desk'], 'stale');
  const all = statusOfAll(own, 'one', [other(two), silent]);
  expect(brief(all)).toEqual({
    proxies: ['web-1.shop at one', 'teller-1.bank at one', 'web-2.shop at two'],
    findings: ['VirtualService shop/web', 'VirtualService bank/desk'],
  });
  expect(all.replicas).toEqual([
    { name: 'one', version: '0.1.0', configuration: own.configuration },
    { name: 'two', address: '198.18.0.2:15012', version: '0.1.0', configuration: two.configuration },
    silent,
  ]);
});

test('shows who may see one namespace nothing of another, whichever replica has told it (THREATS 18)', () => {
  const two = status(['web-2.shop', 'teller-2.bank'], ['VirtualService bank/desk']);
  expect(brief(statusOfAll(own, 'one', [other(two)], 'bank'))).toEqual({
    proxies: ['teller-1.bank at one', 'teller-2.bank at two'],
    findings: ['VirtualService bank/desk'],
  });
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['a text', 'fine'],
  ['no proxies', { ...own, proxies: undefined }],
  ['a proxy without a name', { ...own, proxies: [{}] }],
])('is not made of %s', (_, value) => {
  expect(() => readReplicaStatus(value)).toThrow('it answers with no status of a control plane');
});

test('asks every Pod behind the Service by one address, ready or not: one that ends may still serve proxies', () => {
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
  const world = { inventory: { slices: new Map([['malha-system/malha-control-plane', slices]]) } } as unknown as World;
  expect(replicasOf(world, 'malha-system')).toEqual([
    { name: 'a', address: '198.18.0.1:15012' },
    { name: 'b', address: '198.18.0.2:15012' },
    { name: 'c', address: '[fd00::3]:15012' },
    { name: undefined, address: '[fd00::4]:15012' },
  ]);
  expect(replicasOf(world, 'elsewhere')).toEqual([]);
});

test('says so when the replicas are not known, and asks nobody where it is alone', async () => {
  const world = { inventory: { slices: new Map(), services: new Map() } } as unknown as World;
  const replicas = new Replicas({
    namespace: () => 'malha-system',
    source: { world, subscribe: () => () => undefined } as unknown as MeshSource,
    xds: () => undefined,
    objects: () => [],
    status: () => own,
    log: { info() {}, warn() {}, error() {} },
  });
  expect(await replicas.others()).toEqual([]);
  replicas.join({ identity: () => ({ chainPem: '', keyPem: '', roots: [] }) });
  expect(await replicas.others()).toEqual([
    {
      name: 'malha-control-plane',
      address: 'malha-control-plane.malha-system.svc.cluster.local:15012',
      error: 'the Service of the control plane has no endpoints, so no other replica is known',
    },
  ]);
});
