import type { KubeObject } from '../../lib/api/object';
import { World } from '../../lib/world';
import { service, serviceEntry, virtualService } from './sample';

const PAYMENTS = 'payments.bank.svc.cluster.local';
const bank = service('payments', 'bank');
const taking = virtualService('takes', 'shop', { hosts: [PAYMENTS, 'shop.example.com'], gateways: ['mesh', 'edge'] });

function grant(to: object): KubeObject {
  const from = [{ group: 'networking.istio.io', kind: 'VirtualService', namespace: 'shop' }];
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'ReferenceGrant',
    metadata: { name: 'shop', namespace: 'bank' },
    spec: { from, to: [to] },
  } as KubeObject;
}

/** Which VirtualService rules payments for a client of `viewer`. */
function ruling(viewer: string, objects: KubeObject[], mode?: 'warn' | 'enforce'): string | undefined {
  const world = World.of([bank, ...objects], { meshConfig: mode ? { hostOwnership: mode } : {} });
  return world.virtualServiceFor(viewer, PAYMENTS)?.metadata.name;
}

describe('a VirtualService for a host of another namespace', () => {
  it('rules the host for everyone, as on Istio, unless the mesh enforces ownership', () => {
    expect(ruling('partner', [taking])).toBe('takes');
    expect(ruling('partner', [taking], 'warn')).toBe('takes');
    expect(ruling('partner', [taking], 'enforce')).toBeUndefined();
    expect(ruling('bank', [taking], 'enforce')).toBeUndefined();
  });

  it('is not programmed for a wildcard that covers such a host, nor for a name in capitals', () => {
    for (const host of ['*.bank.svc.cluster.local', '*', PAYMENTS.toUpperCase()]) {
      const object = virtualService('takes', 'shop', { hosts: [host] });
      expect([host, ruling('partner', [object]), ruling('partner', [object], 'enforce')]).toEqual([
        host,
        'takes',
        undefined,
      ]);
    }
  });

  it('is programmed where it keeps to its own namespace', () => {
    const own = virtualService('own', 'shop', { hosts: [PAYMENTS], exportTo: ['.'] });
    expect(ruling('shop', [own], 'enforce')).toBe('own');
    expect(ruling('bank', [own], 'enforce')).toBeUndefined();
  });

  it('is programmed where the other namespace grants it for that Service', () => {
    expect(ruling('partner', [taking, grant({ group: '', kind: 'Service' })], 'enforce')).toBe('takes');
    expect(ruling('partner', [taking, grant({ group: '', kind: 'Service', name: 'payments' })], 'enforce')).toBe(
      'takes',
    );
    expect(
      ruling('partner', [taking, grant({ group: '', kind: 'Service', name: 'ledger' })], 'enforce'),
    ).toBeUndefined();
    expect(ruling('partner', [taking, grant({ group: '', kind: 'Secret' })], 'enforce')).toBeUndefined();
  });

  it('leaves gateways and the owner alone', () => {
    const owners = virtualService('owners', 'bank', { hosts: ['payments'] });
    expect(ruling('partner', [taking, owners], 'enforce')).toBe('owners');
    const world = World.of([bank, taking], { meshConfig: { hostOwnership: 'enforce' } });
    expect(world.virtualServices('shop', 'shop/edge').map(({ metadata }) => metadata.name)).toEqual(['takes']);
  });

  it('is its own where its namespace makes the host known too', () => {
    const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }];
    const entry = (namespace: string) => serviceEntry('api', namespace, { hosts: ['api.example.com'], ports });
    const object = virtualService('api', 'shop', { hosts: ['api.example.com'] });
    const ruled = (entries: KubeObject[]) =>
      World.of([object, ...entries], { meshConfig: { hostOwnership: 'enforce' } }).virtualServiceFor(
        'partner',
        'api.example.com',
      )?.metadata.name;
    expect([ruled([entry('bank')]), ruled([entry('bank'), entry('shop')])]).toEqual([undefined, 'api']);
  });
});
