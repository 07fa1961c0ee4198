import * as fc from 'fast-check';
import { jsonPatch, type PatchOperation } from '../../lib/admission/json-patch';
import { sameValue } from '../../lib/api/equality';

/** What an API server does with the operations (RFC 6902), as far as they are used. */
function applied(document: unknown, operations: readonly PatchOperation[]): unknown {
  let root = structuredClone(document);
  for (const { op, path, value } of operations) {
    if (path === '') {
      root = value;
      continue;
    }
    const steps = path
      .slice(1)
      .split('/')
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = steps.pop()!;
    const parent = steps.reduce((at, step) => (at as Record<string, unknown>)[step], root);
    if (Array.isArray(parent) && op === 'add') parent.splice(Number(last), 0, value);
    else if (op === 'remove') delete (parent as Record<string, unknown>)[last];
    else Object.defineProperty(parent, last, { value, enumerable: true, configurable: true, writable: true });
  }
  return root;
}

const json = fc.jsonValue({ maxDepth: 4 });

test('the operations between any two values lead from one to the other', () => {
  fc.assert(
    fc.property(json, json, (before, after) => {
      expect(sameValue(applied(before, jsonPatch(before, after)), after)).toBe(true);
    }),
  );
});

test('equal values need none', () => {
  fc.assert(fc.property(json, (value) => expect(jsonPatch(value, structuredClone(value))).toEqual([])));
});

test('what is put in front of a list is added, and the list stays', () => {
  const before = { spec: { initContainers: [{ name: 'own' }] } };
  const after = { spec: { initContainers: [{ name: 'a' }, { name: 'b' }, { name: 'own' }] } };
  expect(jsonPatch(before, after)).toEqual([
    { op: 'add', path: '/spec/initContainers/0', value: { name: 'a' } },
    { op: 'add', path: '/spec/initContainers/1', value: { name: 'b' } },
  ]);
});

test('slashes and tildes of a key are written as RFC 6901 has them', () => {
  expect(jsonPatch({ a: {} }, { a: { 'x/y~z': 1 } })).toEqual([{ op: 'add', path: '/a/x~1y~0z', value: 1 }]);
});
