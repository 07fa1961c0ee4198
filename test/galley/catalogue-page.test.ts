import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue } from '../../lib/galley/catalogue';
import { cataloguePage } from '../../lib/galley/catalogue-page';
import { codesNotGiven } from '../../lib/galley/istio-codes-not-given';
import { programCatalogue } from '../../lib/galley/program-catalogue';

const PAGE = join(__dirname, '../../docs/findings.md');

describe('the page of findings', () => {
  test('is what the catalogues say now', () => {
    if (process.env.UPDATE_GOLDEN) writeFileSync(PAGE, cataloguePage());
    expect(readFileSync(PAGE, 'utf8')).toBe(cataloguePage());
  });

  test('tells every code once, in objects or in programs', () => {
    const codes = [...Object.keys(catalogue), ...Object.keys(programCatalogue)];
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect(cataloguePage().split(`| \`${code}\` |`)).toHaveLength(2);
  });

  test("leaves none of Istio's codes out: each is given, or the page says why it is not", () => {
    const given = Object.keys(catalogue).filter((code) => code.startsWith('IST'));
    const last = Math.max(...given.map((code) => Number(code.slice(3))));
    const all = [1, 2, ...Array.from({ length: last - 100 }, (_, i) => 101 + i)];
    expect([...given, ...Object.keys(codesNotGiven)].sort()).toEqual(
      all.map((number) => `IST${String(number).padStart(4, '0')}`),
    );
    for (const code of Object.keys(codesNotGiven)) expect(cataloguePage()).toContain(`| \`${code}\` |`);
  });
});
