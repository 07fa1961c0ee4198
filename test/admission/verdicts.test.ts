import { injectionVerdict, validationVerdict } from '../../lib/admission';
import type { AdmissionRequest } from '../../lib/admission/review';
import type { PodSpec } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';

const pod = (metadata: object = {}, spec: object = {}) =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'web-', ...metadata },
    spec: { containers: [{ name: 'app', image: 'app' }], ...spec },
  }) as unknown as KubeObject<PodSpec>;
const asked = (object: KubeObject, rest: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  uid: '1',
  operation: 'CREATE',
  namespace: 'shop',
  object,
  ...rest,
});
const inject = (request: AdmissionRequest) =>
  injectionVerdict(request, { injection: {}, systemNamespace: 'malha-system' });

describe('the injector', () => {
  test('puts the redirection and the sidecar in front, and names the workload after the Pod’s controller', () => {
    const ownerReferences = [{ kind: 'ReplicaSet', name: 'web-v1-5d4f', controller: true }];
    const { allowed, patch } = inject(asked(pod({ ownerReferences, labels: { 'pod-template-hash': '5d4f' } })));
    expect(allowed).toBe(true);
    const [{ value }] = patch!.filter(
      (operation) => (operation as { path: string }).path === '/spec/initContainers',
    ) as [{ value: { name: string; args: string[]; restartPolicy?: string }[] }];
    expect(value.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ['malha-init', undefined],
      ['istio-proxy', 'Always'],
    ]);
    expect(value[1]!.args).toContain('web-v1.$(POD_NAMESPACE)');
  });

  test.each<[string, AdmissionRequest]>([
    ['that has a sidecar', asked(pod({}, { initContainers: [{ name: 'istio-proxy' }] }))],
    ['on the host’s network', asked(pod({}, { hostNetwork: true }))],
    ['that says no', asked(pod({ labels: { 'sidecar.istio.io/inject': 'false' } }))],
    ['of kube-system', asked(pod(), { namespace: 'kube-system' })],
    ['of the control plane’s namespace', asked(pod(), { namespace: 'malha-system' })],
    ['that is changed', asked(pod(), { operation: 'UPDATE' })],
    ['that somebody looks into', asked(pod(), { subResource: 'exec' })],
  ])('leaves a Pod %s as it is', (_, request) => {
    expect(inject(request)).toEqual({ allowed: true });
  });

  test('gives a Pod the settings of the namespace that it is made in, which the Pod itself may not name', () => {
    const settingsFor = ({ namespace }: { namespace: string }) => ({ concurrency: namespace === 'shop' ? 7 : 1 });
    const verdict = injectionVerdict(asked(pod()), { injection: { settingsFor }, systemNamespace: 'malha-system' });
    expect(JSON.stringify(verdict.patch)).toContain('"--concurrency","7"');
  });

  test('refuses a Pod whose annotations cannot be read, and says which', () => {
    const annotations = { 'traffic.sidecar.istio.io/excludeOutboundPorts': 'http' };
    const { allowed, message } = inject(asked(pod({ annotations })));
    expect(allowed).toBe(false);
    expect(message).toContain('annotation traffic.sidecar.istio.io/excludeOutboundPorts');
  });
});

const virtualService = (spec: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'web', namespace: 'shop', ...metadata },
  spec,
});
const good = { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] };
const bad = { hosts: ['web'], http: [{ timeout: '-1s', route: [{ destination: { host: 'web' } }] }] };

describe('the validator', () => {
  test('lets a good object pass', () => {
    expect(validationVerdict(asked(virtualService(good)))).toEqual({ allowed: true, warnings: [] });
  });

  test('refuses one with errors, with the code, the place and the way to mend it', () => {
    const { allowed, message } = validationVerdict(asked(virtualService(bad)));
    expect(allowed).toBe(false);
    expect(message).toMatch(/^\[[A-Z]+\d{4}\] spec\.http\[0\]\.timeout: .+/);
  });

  test('tells the first ten of many errors, and how many more there are', () => {
    const http = Array.from({ length: 30 }, () => bad.http[0]);
    const { message } = validationVerdict(asked(virtualService({ hosts: ['web'], http })));
    expect(message!.match(/\[[A-Z]+\d{4}\]/g)).toHaveLength(10);
    expect(message).toMatch(/; and \d+ more$/);
  });

  test('does not judge what belongs to other objects: a destination that nobody has passes', () => {
    const http = [{ route: [{ destination: { host: 'nobody', subset: 'v9' } }] }];
    expect(validationVerdict(asked(virtualService({ hosts: ['web'], http }))).allowed).toBe(true);
  });

  test('lets a finalizer be taken off an object that is wrong since long', () => {
    const before = virtualService(bad, { finalizers: ['x'] });
    const request = asked(virtualService(bad), { operation: 'UPDATE', oldObject: before });
    expect(validationVerdict(request)).toEqual({ allowed: true });
  });

  test('refuses a change that makes it wrong', () => {
    const request = asked(virtualService(bad), { operation: 'UPDATE', oldObject: virtualService(good) });
    expect(validationVerdict(request).allowed).toBe(false);
  });

  test('never stands in the way of a deletion', () => {
    const request = asked(virtualService(bad), { operation: 'DELETE', oldObject: virtualService(bad) });
    expect(validationVerdict({ ...request, object: undefined })).toEqual({ allowed: true });
  });
});
