import * as istio from '../../constructs/istio';
import { apiVersionOf, kinds } from '../../lib/api';
import { Program } from './program';

describe('the typed objects of the mesh API', () => {
  test.each(kinds.map((kind) => [kind.kind, kind] as const))('have %s', (name, kind) => {
    const program = new Program();
    const Class = (
      istio as unknown as Record<string, new (...args: unknown[]) => { apiVersion: string; kind: string }>
    )[name];
    const object = new Class!(program.shop, 'object', { spec: {} });
    expect([object.apiVersion, object.kind]).toEqual([apiVersionOf(kind), name]);
  });

  test('are written as they stand, in the namespace of their chart', () => {
    const program = new Program();
    new istio.ServiceEntry(program.shop, 'bank', {
      metadata: { name: 'bank' },
      spec: {
        hosts: ['api.bank.example'],
        location: 'MESH_EXTERNAL',
        resolution: 'DNS',
        ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
      },
    });
    expect(program.object('ServiceEntry', 'bank')).toEqual({
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'bank', namespace: 'shop' },
      spec: {
        hosts: ['api.bank.example'],
        location: 'MESH_EXTERNAL',
        resolution: 'DNS',
        ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
      },
    });
  });

  test('are typed by the schema of their kind', () => {
    const program = new Program();
    // @ts-expect-error: `resolution` has no such value
    const object = new istio.ServiceEntry(program.shop, 'wrong', { spec: { hosts: ['a.b'], resolution: 'MAGIC' } });
    expect(object.kind).toBe('ServiceEntry');
  });
});
