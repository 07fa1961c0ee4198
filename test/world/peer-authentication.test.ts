import type { PeerAuthentication } from '../../lib/api';
import { modeAt, World } from '../../lib/world';
import { pod, slice } from './sample';

const ROOT = 'istio-system';

function policy(name: string, namespace: string, spec: PeerAuthentication['spec'], created = ''): PeerAuthentication {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name, namespace, ...(created && { creationTimestamp: created }) },
    spec,
  };
}

const ofWeb = { matchLabels: { app: 'web' } };
const at = (policies: PeerAuthentication[], port = 8080, labels: Record<string, string> = { app: 'web' }) =>
  modeAt(World.of(policies).mutualTls('shop', labels), port);

describe('what a workload takes', () => {
  test('is both, where nobody says anything', () => {
    expect(at([])).toBe('PERMISSIVE');
  });

  test('is what the nearest policy says that says anything: of the workload, of the namespace, of the mesh', () => {
    const mesh = policy('mesh', ROOT, { mtls: { mode: 'STRICT' } });
    const namespace = policy('namespace', 'shop', { mtls: { mode: 'DISABLE' } });
    const workload = policy('workload', 'shop', { selector: ofWeb, mtls: { mode: 'PERMISSIVE' } });
    expect(at([mesh])).toBe('STRICT');
    expect(at([mesh, namespace])).toBe('DISABLE');
    expect(at([mesh, namespace, workload])).toBe('PERMISSIVE');
    expect(at([mesh, namespace, workload], 8080, { app: 'other' })).toBe('DISABLE');
    expect(at([mesh, policy('elsewhere', 'other', { mtls: { mode: 'DISABLE' } })])).toBe('STRICT');
  });

  test.each([
    ['UNSET', { mode: 'UNSET' as const }],
    ['nothing', undefined],
  ])('is inherited through a policy that says %s', (_, mtls) => {
    const mesh = policy('mesh', ROOT, { mtls: { mode: 'STRICT' } });
    const own = policy('own', 'shop', { selector: ofWeb, mtls, portLevelMtls: { 1: { mode: 'UNSET' } } });
    expect(at([mesh, policy('namespace', 'shop', { mtls }), own])).toBe('STRICT');
    expect(at([mesh, own], 1)).toBe('STRICT');
  });

  test('is what the oldest of several policies with one reach says', () => {
    const newer = policy('a', 'shop', { mtls: { mode: 'STRICT' } }, '2026-02-01T00:00:00Z');
    const older = policy('b', 'shop', { mtls: { mode: 'DISABLE' } }, '2026-01-01T00:00:00Z');
    expect(at([newer, older])).toBe('DISABLE');
  });

  test('is by port what the policy of the workload says, and no other', () => {
    const own = policy('own', 'shop', {
      selector: ofWeb,
      mtls: { mode: 'STRICT' },
      portLevelMtls: { 9090: { mode: 'DISABLE' } },
    });
    const wide = policy('wide', 'shop', { portLevelMtls: { 7070: { mode: 'DISABLE' } } });
    expect(at([own, wide], 9090)).toBe('DISABLE');
    expect(at([own, wide], 7070)).toBe('STRICT');
    expect(at([own, wide])).toBe('STRICT');
  });

  test('is what a selecting policy of the root namespace says, where the workload has none of its own', () => {
    const root = policy('root', ROOT, { selector: ofWeb, mtls: { mode: 'STRICT' } });
    const namespace = policy('namespace', 'shop', { mtls: { mode: 'DISABLE' } });
    expect(at([root, namespace])).toBe('STRICT');
    expect(at([root, policy('own', 'shop', { selector: ofWeb, mtls: { mode: 'PERMISSIVE' } })])).toBe('PERMISSIVE');
  });
});

test('the accounts behind a service are those of its Pods that have an identity, ready or not', () => {
  const identified = (name: string, source: object, account?: string) => {
    const made = pod(name, 'shop', { app: 'web' });
    const volumes = [{ name: 'malha-identity', projected: { sources: [source] } }];
    return { ...made, spec: { ...made.spec!, volumes, ...(account && { serviceAccountName: account }) } };
  };
  const slices = slice('web', 'shop', ['198.18.0.1', '198.18.0.2', '198.18.0.3']);
  slices.endpoints![1]!.conditions = { ready: false };
  const world = World.of([
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { ports: [{ port: 80 }] },
    },
    slices,
    identified('web-0', { podCertificate: {} }, 'web'),
    identified('web-1', { serviceAccountToken: {} }),
    pod('web-2', 'shop', { app: 'web' }),
  ]);
  expect(world.serviceAccounts('Kubernetes/shop/web')).toEqual(['shop/default', 'shop/web']);
});
