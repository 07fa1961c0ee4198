/** The settings of a proxy, from the mesh's defaults and the annotation of its Pod. */
import { overlaid, readProxyConfig } from '../../lib/world';

test('the upper settings hold field by field, what they do not say stays, and lists are not joined', () => {
  const below = { gatewayTopology: { numTrustedProxies: 1, proxyProtocol: {} }, extraStatTags: ['a'], concurrency: 2 };
  const above = { gatewayTopology: { numTrustedProxies: 3 }, extraStatTags: ['b'] };
  expect(overlaid(below, above)).toEqual({
    gatewayTopology: { numTrustedProxies: 3, proxyProtocol: {} },
    extraStatTags: ['b'],
    concurrency: 2,
  });
  expect(below.gatewayTopology.numTrustedProxies).toBe(1);
});

test.each(['[a, b]', 'text', '{', '3', '&a [*a]'])('an annotation that is no mapping says nothing: %s', (text) => {
  expect(readProxyConfig(text)).toBeUndefined();
});

test('an annotation cannot reach beyond its own settings', () => {
  const read = overlaid(
    {},
    readProxyConfig('{ __proto__: { concurrency: 7 }, constructor: { prototype: { x: 1 } } }')!,
  );
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  expect(read.concurrency).toBeUndefined();
  expect(({} as { x?: number }).x).toBeUndefined();
});
