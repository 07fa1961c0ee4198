import type { KubeObject } from '../../lib/api/object';
import { EnvoyResource } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { configPath } from '../../lib/pilot/metadata';
import { LocalReports, type ProgressSource } from '../../lib/xds/local-reports';
import { Progress } from '../../lib/xds/progress';
import type { Quarantined } from '../../lib/xds/quarantine';

const rule: KubeObject = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'web', namespace: 'shop' },
};
const gateway: KubeObject = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'edge', namespace: 'shop' },
};
const labels: Record<string, Record<string, string>> = {
  'router~198.18.0.1~edge-1.shop~x': { 'gateway.networking.k8s.io/gateway-name': 'edge' },
  'router~198.18.0.2~edge-1.other~x': { 'gateway.networking.k8s.io/gateway-name': 'edge' },
};
const [OURS, NAMESAKE] = Object.keys(labels) as [string, string];

/** A proxy that has had all up to one World, and was offered another. */
function proxy(id: string, has: number, offered = has) {
  const progress = new Progress();
  progress.offer(has, true);
  if (has > 0) progress.settle();
  progress.offer(offered, true);
  return { node: { id }, progress };
}

function reportOf(
  object: KubeObject,
  proxies: ReturnType<ProgressSource['progress']>,
  rejected: Quarantined[] = [],
  lacking?: string,
) {
  const source = {
    objects: [rule, gateway],
    inForceSince: (asked: KubeObject) => (asked === rule || asked === gateway ? 5 : undefined),
    labelsOf: ({ id }: { id: string }) => labels[id],
    lacking: () => lacking,
  };
  const server = { progress: () => proxies, rejected: () => rejected, subscribe: () => () => undefined };
  return new LocalReports(source, server).now()(object);
}

test('an object has landed when every proxy has the World that it came with', () => {
  expect(reportOf(rule, [proxy('a', 5), proxy('b', 7)])).toEqual({ state: 'landed' });
  expect(reportOf(rule, [proxy('a', 5), proxy('b', 4)])).toEqual({ state: 'pending' });
  expect(reportOf(rule, [proxy('a', 4, 5)])).toEqual({ state: 'pending' });
});

test('an object whose module is not there has not landed, whatever proxies have', () => {
  const error = 'its module is not there';
  expect(reportOf(rule, [proxy('a', 5)], [], error)).toEqual({ state: 'refused', error });
});

test('a proxy that has just started holds nothing up', () => {
  expect(reportOf(rule, [proxy('a', 5), proxy('new', 0, 5)])).toEqual({ state: 'landed' });
});

test('of an object that is not in force as it is, nothing is known', () => {
  expect(reportOf({ ...rule }, [proxy('a', 9)])).toEqual({ state: 'unknown' });
});

test('a Gateway waits for its own proxies alone, and has landed on nobody when there are none', () => {
  expect(reportOf(gateway, [proxy(OURS, 5), proxy('a', 4)])).toEqual({ state: 'landed', proxies: 1 });
  expect(reportOf(gateway, [proxy(OURS, 4)])).toEqual({ state: 'pending' });
  expect(reportOf(gateway, [proxy(NAMESAKE, 5)])).toEqual({ state: 'landed', proxies: 0 });
});

test('what a proxy refuses is told of the object that it was made from', () => {
  const resource = new EnvoyResource(TypeUrl.cluster, 'web', {
    name: 'web',
    metadata: { filter_metadata: { istio: { config: configPath(rule) } } },
  });
  const rejected = [{ type: 'clusters' as const, resource, error: 'no endpoints', proxy: 'sidecar~1~web-1.shop~x' }];
  expect(reportOf(rule, [proxy('a', 5)], rejected)).toEqual({
    state: 'refused',
    error: 'a proxy (web-1.shop) rejects cluster web: no endpoints',
  });
  expect(reportOf(gateway, [proxy(OURS, 5)], rejected)).toEqual({ state: 'landed', proxies: 1 });
});

test('a listener that a proxy of a Gateway refuses is the Gateway’s trouble', () => {
  const resource = new EnvoyResource(TypeUrl.listener, '0.0.0.0_80', { name: '0.0.0.0_80' });
  const rejected = [{ type: 'listeners' as const, resource, error: 'port in use', proxy: OURS }];
  expect(reportOf(gateway, [proxy(OURS, 5)], rejected)).toEqual({ state: 'refused', error: 'port in use' });
});
