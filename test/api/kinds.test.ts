import { isOfKind, kindOf, kinds, VirtualService } from '../../lib/api';
import { sameValue } from '../../lib/api/equality';

describe('a kind', () => {
  it('is found for an object in any of its versions', () => {
    for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
      expect(kindOf({ apiVersion: `networking.istio.io/${version}`, kind: 'VirtualService' })).toBe(VirtualService);
    }
  });

  it('is not confused with one of the same name in another group', () => {
    const ofGatewayApi = kindOf({ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway' });
    expect(ofGatewayApi?.group).toBe('gateway.networking.k8s.io');
    expect(kindOf({ apiVersion: 'networking.istio.io/v1', kind: 'Gateway' })?.group).toBe('networking.istio.io');
    expect(isOfKind({ apiVersion: 'example.com/v1', kind: 'VirtualService' }, VirtualService)).toBe(false);
  });

  it('has a plural of its own in its group', () => {
    const names = kinds.map((kind) => `${kind.plural}.${kind.group}`);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('two values', () => {
  it('say the same whatever the order of their keys', () => {
    expect(sameValue({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true);
  });

  it.each([
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { a: 1, b: undefined }],
    [
      [1, 2],
      [2, 1],
    ],
    [[], {}],
    [null, {}],
    [{ a: undefined }, { b: undefined }],
  ])('differ: %j and %j', (a, b) => {
    expect(sameValue(a, b)).toBe(false);
  });
});
