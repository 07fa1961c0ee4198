import fc from 'fast-check';
import type { RateLimit } from '../../../lib/api';
import { countedBy, keyOf } from '../../../lib/mixer/rate-limit/descriptor-key';
import { envoyLimit, ruleId } from '../../../lib/pilot/rate-limit/descriptor';
import { World } from '../../../lib/world';

describe('the key of a descriptor', () => {
  it('is the same for equal values alone, and never long', () => {
    const values = fc.array(
      fc.oneof(fc.string(), fc.string({ minLength: 200, maxLength: 2000 }), fc.constantFrom('|', '1:', '')),
      {
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(values, values, (a, b) => {
        expect(keyOf(a) === keyOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
        expect(keyOf(a).length).toBeLessThanOrEqual(300);
      }),
    );
  });
});

const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/);
const rule = fc.record({
  key: fc.option(
    fc.oneof(
      fc.record({ by: fc.constantFrom('all', 'caller', 'path', 'remoteAddress') }),
      fc.record({ by: fc.constant('header'), header: fc.stringMatching(/^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,30}$/) }),
    ),
    { nil: undefined },
  ),
  match: fc.option(fc.record({ path: fc.record({ exact: fc.webPath({ size: 'small' }).map((path) => `/${path}`) }) }), {
    nil: undefined,
  }),
  limit: fc.record({
    requests: fc.integer({ min: 1, max: 1e9 }),
    per: fc.constantFrom('second', 'minute', 'hour', 'day'),
  }),
});
const rateLimit = fc.record({ name, namespace: name, rules: fc.array(rule, { minLength: 1, maxLength: 12 }) });

/** The text of a value as a filter would send it, of whatever kind. */
describe('the descriptor of a rule', () => {
  it('leads back to the rule that it was made of, and to its limit', () => {
    fc.assert(
      fc.property(rateLimit, fc.string(), ({ name, namespace, rules }, value) => {
        const object = {
          apiVersion: 'malha.dev/v1alpha1',
          kind: 'RateLimit',
          metadata: { name, namespace },
          spec: { mode: 'global', onUnavailable: 'deny', rules },
        } as unknown as RateLimit;
        const world = World.of([object]);
        for (const [index, each] of object.spec.rules.entries()) {
          const [first, second] = envoyLimit(each, ruleId(object, index)).actions ?? [];
          const id = first?.generic_key?.descriptor_value ?? first?.header_value_match?.descriptor_value ?? '';
          const counted = countedBy(world, {
            entries: [
              { key: 'rule', value: id },
              { key: 'value', value },
            ],
          });
          expect(second).toBeDefined();
          expect(counted?.rule).toBe(each);
          expect(counted?.window).toMatchObject({
            rule: `${namespace}/${name}/${index}`,
            requests: each.limit.requests,
          });
        }
      }),
      { numRuns: 50 },
    );
  });

  it('never takes an expression apart by the name of a header', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,30}$/), (header) => {
        const [, value] = envoyLimit({ key: { by: 'header', header }, limit: { requests: 1, per: 'day' } }, 'a/b/0')
          .actions!;
        const { text } = value!.extension!.typed_config as unknown as { text: string };
        const name = `"${header.toLowerCase()}"`;
        const read = `request.headers[${name}]`;
        expect(text).toBe(`${name} in request.headers && size(${read}) <= 256 ? ${read} : "-"`);
      }),
    );
  });
});
