import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue } from '../../lib/galley/catalogue';
import { cataloguePage } from '../../lib/galley/catalogue-page';
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
});
