import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SUPPORTED_FEATURES } from '../../../lib/world/gateway-api/features';
import { API_FEATURES, conformanceTable, withConformanceTable } from './conformance-table';
import { featureTable, withFeatureTable } from './feature-table';
import { behaviours } from './rows';

const README = join(__dirname, '..', '..', '..', 'README.md');

test('the README claims the features that the table of behaviours shows, and no others', () => {
  const readme = readFileSync(README, 'utf8');
  const wanted = withFeatureTable(readme, featureTable(behaviours));
  if (process.env.UPDATE_GOLDEN) writeFileSync(README, wanted);
  expect(process.env.UPDATE_GOLDEN ? wanted : readme).toBe(wanted);
});

test('the README tells which features of the Gateway API are served, and which are not', () => {
  const readme = readFileSync(README, 'utf8');
  const wanted = withConformanceTable(readme, conformanceTable());
  if (process.env.UPDATE_GOLDEN) writeFileSync(README, wanted);
  expect(process.env.UPDATE_GOLDEN ? wanted : readme).toBe(wanted);
});

test('what is served has the names that the Gateway API gives', () => {
  const named = new Set(Object.values(API_FEATURES).flatMap((names) => names.split(' ')));
  expect(SUPPORTED_FEATURES.filter((name) => !named.has(name))).toEqual([]);
});

test('every row has a title of its own, and asks for something', () => {
  const titles = behaviours.map(({ topic, feature }) => `${topic}: ${feature}`);
  expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
  expect(behaviours.filter(({ cases }) => cases.length === 0)).toEqual([]);
});
