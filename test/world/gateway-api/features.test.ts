import { SUPPORTED_FEATURES } from '../../../lib/world/gateway-api/features';
import { behaviours } from '../../envoy/behaviours/rows';

test('no feature of the Gateway API is claimed that no row shows in a real Envoy', () => {
  const shown = new Set(
    behaviours
      .filter(({ topic }) => topic.startsWith('Gateway API'))
      .flatMap(({ feature }) => feature.match(/\w+/g) ?? []),
  );
  expect(SUPPORTED_FEATURES.filter((name) => !shown.has(name))).toEqual([]);
});

test('features are told in the order that GatewayClass.status wants', () => {
  expect(SUPPORTED_FEATURES).toEqual([...new Set(SUPPORTED_FEATURES)].sort());
});

test('they fit into GatewayClass.status', () => {
  expect(SUPPORTED_FEATURES.length).toBeLessThanOrEqual(64);
});
