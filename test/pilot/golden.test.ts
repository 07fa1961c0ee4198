import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { complaintOfEnvoy } from '../../lib/local/envoy-validation';
import { goldenCase, goldenCases, shown, translateCase } from './golden-case';

describe.each(goldenCases())('the objects of %s', (name) => {
  const golden = goldenCase(name);

  test('become just what is written beside them', () => {
    const actual = stringify(shown(translateCase(golden), golden.header), {
      lineWidth: 0,
      aliasDuplicateObjects: false,
    });
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden.outputFile, actual);
    expect(existsSync(golden.outputFile) && readFileSync(golden.outputFile, 'utf8')).toBe(actual);
  });

  test('become what a real Envoy accepts', async () => {
    expect(await complaintOfEnvoy(translateCase(golden))).toBe('');
  });
});
