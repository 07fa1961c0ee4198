/** THREATS 17: a node id is a claim; it is worth what the World says about its workload and the connection. */
import type { WorkloadEntry } from '../../lib/api';
import type { Pod } from '../../lib/api/kubernetes';
import { addressOfPeer, type Proof, provenProxy, World } from '../../lib/world';
import { gateway, pod } from './sample';

const runningAs = (made: Pod, serviceAccountName: string): Pod => ({
  ...made,
  spec: { ...made.spec!, serviceAccountName },
});
const entry = (name: string, spec: WorkloadEntry['spec']): WorkloadEntry => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadEntry',
  metadata: { name, namespace: 'shop' },
  spec,
});

const view = World.of([
  runningAs(pod('web-1', 'shop', { app: 'web' }, '10.0.0.1'), 'web'),
  runningAs(pod('web-2', 'shop', { app: 'web' }, '10.0.0.2'), 'web'),
  runningAs(pod('admin-1', 'shop', { app: 'admin' }, '10.0.0.3'), 'admin'),
  runningAs(pod('edge-1', 'shop', { istio: 'ingressgateway' }, '10.0.0.4'), 'edge'),
  pod('plain', 'shop', {}, '10.0.0.5'),
  { ...runningAs(pod('starting', 'shop'), 'web'), status: {} },
  gateway('g', 'shop', { selector: { istio: 'ingressgateway' }, servers: [] }),
  entry('vm', { address: '192.0.2.1', serviceAccount: 'web', labels: { app: 'vm' } }),
  entry('anyone', { address: '192.0.2.2' }),
  entry('by-name', { address: 'vm.example', serviceAccount: 'web' }),
]);

const proof = (serviceAccount: string, address: string, namespace = 'shop'): Proof => ({
  identity: { trustDomain: 'cluster.local', namespace, serviceAccount },
  address,
});
const id = (name: string, ip: string, type = 'sidecar', namespace = 'shop') =>
  `${type}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`;

describe('a proxy with a proof', () => {
  test('is the one beside its Pod, with the labels that the Pod has', () => {
    expect(provenProxy(view, id('web-1', '10.0.0.1'), proof('web', '10.0.0.1'))).toEqual({
      kind: 'proven',
      proxy: expect.objectContaining({
        name: 'web-1',
        type: 'sidecar',
        labels: { app: 'web' },
        capture: 'REDIRECT',
        ip: '10.0.0.1',
      }),
    });
  });

  test('is a gateway where the World says so', () => {
    expect(provenProxy(view, id('edge-1', '10.0.0.4', 'router'), proof('edge', '10.0.0.4'))).toMatchObject({
      kind: 'proven',
      proxy: { type: 'router' },
    });
  });

  test('runs as the default account where the Pod names none', () => {
    expect(provenProxy(view, id('plain', '10.0.0.5'), proof('default', '10.0.0.5'))).toMatchObject({ kind: 'proven' });
  });

  test('is that of a WorkloadEntry where there is no Pod', () => {
    expect(provenProxy(view, id('vm', '192.0.2.1'), proof('web', '192.0.2.1'))).toMatchObject({
      kind: 'proven',
      proxy: { labels: { app: 'vm' } },
    });
  });

  test.each([
    [
      'another service account than the Pod runs as',
      id('admin-1', '10.0.0.3'),
      proof('web', '10.0.0.3'),
      'claims Pod shop/admin-1, which runs as admin',
    ],
    ['another namespace', id('web-1', '10.0.0.1'), proof('web', '10.0.0.1', 'bank'), 'claims to be in namespace shop'],
    [
      'a domain of another namespace',
      'sidecar~10.0.0.1~web-1.shop~bank.svc.cluster.local',
      proof('web', '10.0.0.1'),
      'claims to be in namespace',
    ],
    [
      'the address of another Pod',
      id('web-1', '10.0.0.1'),
      proof('web', '10.0.0.2'),
      'the connection comes from 10.0.0.2',
    ],
    [
      'another address in its id',
      id('web-1', '10.0.0.2'),
      proof('web', '10.0.0.1'),
      '10.0.0.2 of the node id is not an address',
    ],
    [
      'the claim to be a gateway',
      id('web-1', '10.0.0.1', 'router'),
      proof('web', '10.0.0.1'),
      'is a sidecar and claims to be a router',
    ],
    [
      'the claim to be a sidecar',
      id('edge-1', '10.0.0.4'),
      proof('edge', '10.0.0.4'),
      'is a router and claims to be a sidecar',
    ],
    [
      'another address in the node id than that of its WorkloadEntry',
      id('vm', '192.0.2.9'),
      proof('web', '192.0.2.1'),
      'not the address',
    ],
    ['a WorkloadEntry of another account', id('vm', '192.0.2.1'), proof('admin', '192.0.2.1'), 'which runs as web'],
    [
      'a WorkloadEntry without an account',
      id('anyone', '192.0.2.2'),
      proof('web', '192.0.2.2'),
      'which names no serviceAccount',
    ],
    [
      'a WorkloadEntry from elsewhere',
      id('vm', '192.0.2.1'),
      proof('web', '192.0.2.9'),
      'is not the address of WorkloadEntry',
    ],
    [
      'a WorkloadEntry with a name for an address',
      id('by-name', '192.0.2.3'),
      proof('web', '192.0.2.3'),
      'is not the address of WorkloadEntry',
    ],
    [
      'a WorkloadEntry as a gateway',
      id('vm', '192.0.2.1', 'router'),
      proof('web', '192.0.2.1'),
      'claims to be a router',
    ],
    ['a node id of another form', 'web-1', proof('web', '10.0.0.1'), 'the node id is not of the form'],
    [
      'a node id with more parts',
      `${id('web-1', '10.0.0.1')}~x`,
      proof('web', '10.0.0.1'),
      'the node id is not of the form',
    ],
  ])('is refused with %s', (_, node, given, reason) => {
    expect(provenProxy(view, node, given)).toEqual({ kind: 'refused', reason: expect.stringContaining(reason) });
  });

  test('waits while its Pod is not known, or has no address yet', () => {
    expect(provenProxy(view, id('gone', '10.0.0.1'), proof('web', '10.0.0.1'))).toEqual({ kind: 'unknown' });
    expect(provenProxy(view, id('starting', '10.0.0.1'), proof('web', '10.0.0.1'))).toEqual({ kind: 'unknown' });
  });
});

test.each([
  ['10.0.0.1:123', '10.0.0.1'],
  ['[2001:db8::1]:123', '2001:db8::1'],
  ['2001:db8::1:123', '2001:db8::1'],
  ['::ffff:10.0.0.1:123', '10.0.0.1'],
])('the address of peer %s is %s', (peer, address) => {
  expect(addressOfPeer(peer)).toBe(address);
});
