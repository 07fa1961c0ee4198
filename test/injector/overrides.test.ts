import { inject, workloadNameOf } from '../../lib/injector';

const podWith = (annotations: Record<string, string>) => ({
  metadata: { name: 'web', annotations },
  spec: { containers: [{ name: 'app' }] },
});

describe('an annotation that cannot be read is an error that names it', () => {
  test.each([
    ['sidecar.istio.io/proxyCPU', 'much', "'much' is not a quantity: 100m, 128Mi"],
    ['sidecar.istio.io/proxyMemoryLimit', '1 Gi', "'1 Gi' is not a quantity"],
    ['sidecar.istio.io/logLevel', 'loud', "'loud' is not one of trace, debug"],
    ['proxy.istio.io/config', 'concurrency: -1', "'concurrency: -1' is not a whole number from 0 to 128"],
    ['proxy.istio.io/config', 'concurrency: 0.5', 'is not a whole number'],
    ['proxy.istio.io/config', '{', 'is not a ProxyConfig in YAML'],
  ])('%s: %s', (name, value, message) => {
    expect(() => inject(podWith({ [name]: value }))).toThrow(`annotation ${name}: `);
    expect(() => inject(podWith({ [name]: value }))).toThrow(message);
  });
});

describe('the workload of a Pod is', () => {
  const owner = (kind: string, name: string) => [{ kind, name, controller: true }];
  test.each([
    [
      'its Deployment',
      { ownerReferences: owner('ReplicaSet', 'web-v1-5d4f'), labels: { 'pod-template-hash': '5d4f' } },
      'web-v1',
    ],
    ['a ReplicaSet without a Deployment', { ownerReferences: owner('ReplicaSet', 'web-v1') }, 'web-v1'],
    ['its Job', { ownerReferences: owner('Job', 'backup-28') }, 'backup-28'],
    ['itself', { name: 'shell' }, 'shell'],
    ['what its name is made from', { generateName: 'shell-' }, 'shell'],
    ['unknown', {}, undefined],
  ])('%s', (_, metadata, name) => {
    expect(workloadNameOf(metadata)).toBe(name);
  });
});
