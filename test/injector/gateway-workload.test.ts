import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Gateway } from '../../lib/api/gateway-api';
import { deploysItself, gatewayWorkload } from '../../lib/injector';

const goldens = join(__dirname, '..', 'golden', 'gateway-workload');
const files = readdirSync(goldens).flatMap((file) => (file.endsWith('.in.yaml') ? file.slice(0, -8) : []));

test.each(files)('what runs the Gateway of %s stands beside it', (name) => {
  const gateway = parse(readFileSync(join(goldens, `${name}.in.yaml`), 'utf8')) as Gateway;
  const options = { identity: 'podCertificate' as const, controlPlane: 'malha-control-plane.malha-system.svc:15012' };
  const objects = gatewayWorkload(gateway, gateway.spec.listeners, options);
  const actual = objects
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n');
  const file = join(goldens, `${name}.out.yaml`);
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, actual);
  expect(readFileSync(file, 'utf8')).toBe(actual);
});

const gateway = (name: string, spec: object = {}, annotations?: Record<string, string>): Gateway => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name, namespace: 'shop', uid: '1', annotations },
  spec: { gatewayClassName: 'malha', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }], ...spec },
});
const workloadOf = (object: Gateway) => gatewayWorkload(object, object.spec.listeners);

test('names that a Service cannot have are cut, and still differ', () => {
  const names = ['a.b', 'a-b', `${'x'.repeat(60)}1`, `${'x'.repeat(60)}2`, '9-lives'].map(
    (name) => workloadOf(gateway(name))[0]!.metadata.name,
  );
  expect(new Set(names).size).toBe(5);
  for (const name of names) expect(name).toMatch(/^[a-z][-a-z0-9]{0,61}[a-z0-9]$/);
  expect(names[1]).toBe('a-b-malha');
});

test('a Gateway that leads to a host of its own is left to whoever made that; one whose name is no label, too', () => {
  expect(deploysItself(gateway('edge'))).toBe(true);
  expect(deploysItself(gateway('edge', { addresses: [{ type: 'IPAddress', value: '192.0.2.7' }] }))).toBe(true);
  expect(deploysItself(gateway('edge', { addresses: [{ type: 'Hostname', value: 'edge.shop.svc' }] }))).toBe(false);
  expect(deploysItself(gateway('x'.repeat(64)))).toBe(false);
});

test('the type of the Service can be chosen, and nothing else in its place', () => {
  const typeOf = (type: string) =>
    (workloadOf(gateway('edge', {}, { 'networking.istio.io/service-type': type }))[2]!.spec as { type: string }).type;
  expect(['ClusterIP', 'NodePort', 'ExternalName'].map(typeOf)).toEqual(['ClusterIP', 'NodePort', 'LoadBalancer']);
});

test('without a listener that is served nothing is made', () => {
  expect(gatewayWorkload(gateway('edge'), [])).toEqual([]);
});

test('an autoscaler goes up and down where the Gateway gives a range, and a budget keeps all but one of its Pods', () => {
  const kindsFor = (range?: string) => {
    const annotations = { ...(range && { 'malha.dev/replicas': range }) };
    const scaled = gateway('edge', { infrastructure: { annotations } });
    return gatewayWorkload(scaled, scaled.spec.listeners);
  };
  const scaler = kindsFor('2-10').find(({ kind }) => kind === 'HorizontalPodAutoscaler')!;
  expect(scaler.spec).toMatchObject({
    minReplicas: 2,
    maxReplicas: 10,
    scaleTargetRef: { kind: 'Deployment', name: scaler.metadata.name },
  });
  const budget = kindsFor().find(({ kind }) => kind === 'PodDisruptionBudget')!;
  expect(budget.spec).toEqual({
    maxUnavailable: 1,
    selector: { matchLabels: { 'gateway.networking.k8s.io/gateway-name': 'edge' } },
  });
  for (const range of [undefined, '10', '5-2', 'a-b', '0-3']) {
    expect(kindsFor(range).map(({ kind }) => kind)).not.toContain('HorizontalPodAutoscaler');
  }
});
