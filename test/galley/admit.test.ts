import { originOf, withOrigin } from '../../lib/api/origin';
import { admit } from '../../lib/galley';
import { service, to, virtualService } from './objects';

const good = () => virtualService({ hosts: ['reviews'], http: [{ route: [to('reviews')], timeout: '2s' }] });
const bad = () => virtualService({ hosts: ['reviews'], http: [{ route: [to('reviews')], timeout: 'soon' }] });

describe('admission', () => {
  it('lets in what has no errors, and keeps out what has', () => {
    const { admitted, findings } = admit([], [service('reviews'), bad()]);
    expect(admitted.map((object) => object.kind)).toEqual(['Service']);
    expect(findings).toEqual([expect.objectContaining({ code: 'IST0106', level: 'error' })]);
  });

  it('lets in what is only warned about', () => {
    const object = virtualService({
      hosts: ['reviews'],
      tcp: [{ match: [{ sourceSubnet: '10.0.0.0/8' }], route: [to('reviews')] }],
    });
    const { admitted, findings } = admit([], [object]);
    expect(admitted).toEqual([object]);
    expect(findings).toEqual([expect.objectContaining({ level: 'warning' })]);
  });

  it('keeps the last good version in force while the newer one is bad, and says so', () => {
    const first = admit([], [good(), service('reviews')]);
    const second = admit(first.admitted, [bad(), service('reviews')]);
    const third = admit(second.admitted, [bad(), service('reviews')]);
    expect(third.admitted[0]).toBe(first.admitted[0]);
    expect(third.findings[0]?.fix).toMatch(/until then the last good version stays in force$/);
  });

  it('takes the newer version once it is good again', () => {
    const { admitted } = admit([], [good()]);
    const better = virtualService({ hosts: ['reviews'], http: [{ route: [to('reviews')], timeout: '3s' }] });
    expect(admit(admit(admitted, [bad()]).admitted, [better]).admitted).toEqual([better]);
  });

  it('lets go of what is not there any more', () => {
    const { admitted } = admit([], [good(), service('reviews')]);
    expect(admit(admitted, [service('reviews')]).admitted.map((object) => object.kind)).toEqual(['Service']);
  });

  it('keeps the value of an object that says the same as before, with its newer place', () => {
    const before = withOrigin(good(), { file: 'a.yaml', line: 1 });
    const after = withOrigin(good(), { file: 'a.yaml', line: 9 });
    const { admitted } = admit(admit([], [before]).admitted, [after]);
    expect(admitted[0]).toBe(before);
    expect(originOf(before)?.line).toBe(9);
  });
});
