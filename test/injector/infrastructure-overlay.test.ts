/** `infrastructure.parametersRef`: what a ConfigMap says of the objects that run a Gateway. */
import type { Gateway } from '../../lib/api/gateway-api';
import type { KubeObject } from '../../lib/api/object';
import { workloadsOf } from '../../lib/controllers/gateway-deployer';
import { gatewayStatuses, World } from '../../lib/world';

const gateway = (parametersRef: object | undefined = { group: '', kind: 'ConfigMap', name: 'settings' }): Gateway => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'edge', namespace: 'shop', uid: '1' },
  spec: {
    gatewayClassName: 'malha',
    infrastructure: { parametersRef } as Gateway['spec']['infrastructure'],
    listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
  },
});

const settings = (data: Record<string, string>, namespace = 'shop'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace },
  data,
});

// biome-ignore lint/suspicious/noExplicitAny: objects of several kinds are looked into
function made(data: Record<string, string>): Record<string, any> {
  const objects = workloadsOf(World.of([gateway(), settings(data)]), {});
  return Object.fromEntries(objects.map((object) => [object.kind, object]));
}

function accepted(...objects: KubeObject[]) {
  const all = [...gatewayStatuses(World.of(objects), '2026-01-01T00:00:00Z')];
  const [, status] = all.find(([{ kind }]) => kind === 'Gateway')!;
  const { conditions } = status as unknown as { conditions: object[] };
  return (conditions as { type: string; reason: string; message: string }[]).find(({ type }) => type === 'Accepted')!;
}

test('each key is laid over the object of its kind: messages are merged, lists replaced, containers found by name', () => {
  const { Deployment, Service, ServiceAccount, PodDisruptionBudget } = made({
    deployment: `
      spec:
        replicas: 3
        template:
          metadata: { labels: { team: shop }, annotations: { prometheus.io/scrape: null } }
          spec:
            nodeSelector: { pool: edge }
            tolerations: [{ key: edge, operator: Exists }]
            containers: [{ name: istio-proxy, resources: { requests: { cpu: 1 } } }]`,
    service: 'spec: { type: NodePort, externalTrafficPolicy: Local }',
    serviceAccount: 'metadata: { annotations: { example.com/role: edge } }',
    podDisruptionBudget: 'spec: { minAvailable: 2 }',
  });
  const { replicas, template } = Deployment.spec;
  expect(replicas).toBe(3);
  expect(template.metadata.labels).toMatchObject({ team: 'shop', 'sidecar.istio.io/inject': 'false' });
  expect(template.metadata.annotations).not.toHaveProperty(['prometheus.io/scrape']);
  expect(template.spec).toMatchObject({ nodeSelector: { pool: 'edge' }, tolerations: [{ key: 'edge' }] });
  const [proxy] = template.spec.containers;
  expect(proxy.resources).toEqual({ requests: { cpu: 1, memory: '64Mi' }, limits: { memory: '256Mi' } });
  expect(proxy.args).toContain('--config-yaml');
  expect(Service.spec).toMatchObject({ type: 'NodePort', externalTrafficPolicy: 'Local', ports: expect.any(Array) });
  expect(ServiceAccount.metadata.annotations).toEqual({ 'example.com/role': 'edge' });
  expect(PodDisruptionBudget.spec).toEqual({ minAvailable: 2, selector: expect.anything() });
});

test('an autoscaler is made where the parameters say how many, without the annotation', () => {
  const { HorizontalPodAutoscaler } = made({ horizontalPodAutoscaler: 'spec: { minReplicas: 2, maxReplicas: 9 }' });
  expect(HorizontalPodAutoscaler.spec).toMatchObject({
    minReplicas: 2,
    maxReplicas: 9,
    scaleTargetRef: { kind: 'Deployment', name: 'edge-malha' },
  });
  expect(made({})).not.toHaveProperty('HorizontalPodAutoscaler');
});

test('the labels by which the parts find each other stay', () => {
  const name = 'gateway.networking.k8s.io/gateway-name';
  const { Deployment } = made({ deployment: `spec: { template: { metadata: { labels: { ${name}: other } } } }` });
  expect(Deployment.spec.template.metadata.labels[name]).toBe('edge');
});

test.each([
  ['is not there', [], 'ConfigMap settings does not exist'],
  ['is in another namespace', [settings({}, 'other')], 'ConfigMap settings does not exist'],
  ['has a key of nothing', [settings({ pods: '{}' })], 'the keys are deployment, service,'],
  ['is no YAML', [settings({ service: 'a: [' })], 'settings, service is not an object in YAML'],
  ['is a list', [settings({ service: '[]' })], 'settings, service is not an object in YAML'],
])('a ConfigMap that %s makes the Gateway InvalidParameters, and what stands is left', (_, objects, message) => {
  expect(accepted(gateway(), ...objects)).toMatchObject({
    reason: 'InvalidParameters',
    message: expect.stringContaining(message),
  });
  expect(workloadsOf(World.of([gateway(), ...objects]), {})).toEqual([]);
});

test.each([
  ['spec: { template: { spec: { serviceAccountName: admin } } }', 'spec.template.spec.serviceAccountName'],
  ['spec: { template: { spec: { volumes: [{ name: a, hostPath: { path: / } }] } } }', 'spec.template.spec.volumes'],
  ['spec: { template: { spec: { hostNetwork: true } } }', 'spec.template.spec.hostNetwork'],
  ['spec: { template: { spec: { containers: [{ name: own, image: own }] } } }', 'spec.template.spec.containers[0]'],
  [
    'spec: { template: { spec: { containers: [{ name: istio-proxy, image: own }] } } }',
    'spec.template.spec.containers[0].image',
  ],
  [
    'spec: { template: { spec: { containers: [{ name: istio-proxy, securityContext: { privileged: true } }] } } }',
    'spec.template.spec.containers[0].securityContext',
  ],
  ['spec: { selector: { matchLabels: {} } }', 'spec.selector'],
  ['metadata: { namespace: kube-system }', 'metadata.namespace'],
  ['{ "spec": { "constructor": 1 } }', 'spec.constructor'],
  ['spec: { template: [] }', 'spec.template'],
])('what would give the author of a ConfigMap more than a Gateway is refused by its path: %s', (deployment, path) => {
  const { reason, message } = accepted(gateway(), settings({ deployment }));
  expect(reason).toBe('InvalidParameters');
  expect(message).toBe(`ConfigMap settings, deployment: ${path} cannot be set; docs/gateway-api.md tells what can`);
});

test('nothing but a ConfigMap holds parameters', () => {
  const other = { group: 'example.com', kind: 'Settings', name: 'settings' };
  expect(accepted(gateway(other), settings({}))).toMatchObject({ reason: 'InvalidParameters' });
  expect(accepted(gateway(), settings({}))).toMatchObject({ reason: 'Accepted' });
});
