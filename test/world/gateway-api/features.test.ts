import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SUPPORTED_FEATURES } from '../../../lib/world/gateway-api/features';
import { behaviours } from '../../envoy/behaviours/rows';

/** Of what no request can show: on a real API server, in the titles of tests. */
const ON_API_SERVERS = ['gateway-deployment.test.ts'].flatMap((file) =>
  [...readFileSync(join(__dirname, '../../cluster', file), 'utf8').matchAll(/^test\('(\w+):/gm)].map(
    ([, name]) => name!,
  ),
);

test('no feature of the Gateway API is claimed that neither a row shows in a real Envoy nor a test on a real API server', () => {
  const shown = new Set(
    behaviours
      .filter(({ topic }) => topic.startsWith('Gateway API'))
      .flatMap(({ feature }) => feature.match(/\w+/g) ?? [])
      .concat(ON_API_SERVERS),
  );
  expect(SUPPORTED_FEATURES.filter((name) => !shown.has(name))).toEqual([]);
});

test('features are told in the order that GatewayClass.status wants', () => {
  expect(SUPPORTED_FEATURES).toEqual([...new Set(SUPPORTED_FEATURES)].sort());
});

test('they fit into GatewayClass.status', () => {
  expect(SUPPORTED_FEATURES.length).toBeLessThanOrEqual(64);
});
