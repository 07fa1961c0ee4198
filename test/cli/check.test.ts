/** What `malha check` says of clusters in every state; test/cluster asks a real one. */
import { customResourceDefinition } from '../../lib/api/crd';
import { kinds } from '../../lib/api/kinds';
import { checkCluster } from '../../lib/cluster';
import { refusal } from '../discovery/fake-api';
import { malha } from './captured-io';

const NOW = new Date('2030-01-01T12:00:00Z');
const options = {
  namespace: 'malha-system',
  now: () => NOW,
};

const DEPLOYMENT = '/apis/apps/v1/namespaces/malha-system/deployments/malha-control-plane';
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/malha-system/leases/malha-leader';
const BUNDLE = '/apis/certificates.k8s.io/v1/clustertrustbundles/malha.dev%3Aworkload%3Amesh';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MUTATING = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const VALIDATING = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

const established = { conditions: [{ type: 'Established', status: 'True' }] };
const definition = (name: string) => ({ metadata: { name }, status: established });
const definitions = kinds.map((kind) => definition(customResourceDefinition(kind).metadata.name));
const named = (name: string, labels = {}) => ({ metadata: { name, labels } });
const pod = (name: string, namespace: string, spec: object, labels = {}) => ({
  metadata: { name, namespace, labels },
  spec,
});
const webhook = (config: object = { caBundle: 'Um9vdA==' }, name = 'malha-control-plane') => ({
  items: [
    {
      ...named('malha-injector-malha-system', { 'malha.dev/mesh': 'malha-system', 'istio.io/rev': 'default' }),
      webhooks: [{ clientConfig: { service: { namespace: 'malha-system', name }, ...config } }],
    },
  ],
});
/** A configuration of a revision, or of a tag that stands for it. */
const injector = (revision: string, tag?: string) => ({
  ...named(`malha-injector-malha-system-${tag ?? revision}`, {
    'malha.dev/mesh': 'malha-system',
    'istio.io/rev': revision,
    ...(tag && { 'istio.io/tag': tag }),
  }),
  webhooks: webhook(undefined, `malha-control-plane-${revision}`).items[0]!.webhooks,
});
const identity = (source: object) => ({ volumes: [{ name: 'malha-identity', projected: { sources: [source] } }] });
const sidecar = { initContainers: [{ name: 'istio-proxy' }] };

/** A cluster before there is a mesh. */
const bare: Record<string, unknown> = {
  '/version': { major: '1', minor: '37', gitVersion: 'v1.37.2' },
  '/apis/certificates.k8s.io/v1': { resources: [{ name: 'podcertificaterequests' }, { name: 'clustertrustbundles' }] },
  [DEFINITIONS]: { items: definitions },
  [MUTATING]: { items: [] },
  [VALIDATING]: { items: [] },
  '/api/v1/namespaces': { items: [named('default')] },
  '/api/v1/pods': { items: [] },
};

/** One in which all is well. */
const whole: Record<string, unknown> = {
  ...bare,
  [`${DEFINITIONS}/gateways.gateway.networking.k8s.io`]: {
    metadata: { name: 'gateways', annotations: { 'gateway.networking.k8s.io/bundle-version': 'v1.7.0' } },
  },
  [DEPLOYMENT]: { spec: { replicas: 2 }, status: { availableReplicas: 2 } },
  [LEASE]: { spec: { holderIdentity: 'replica-a', renewTime: '2030-01-01T11:59:58Z', leaseDurationSeconds: 15 } },
  [BUNDLE]: { spec: { trustBundle: '-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n' } },
  [MUTATING]: webhook(),
  [VALIDATING]: webhook(),
  '/api/v1/namespaces': {
    items: [named('shop', { 'istio-injection': 'enabled' }), named('kube-system', { 'istio.io/rev': 'x' })],
  },
  '/api/v1/pods': {
    items: [
      pod('web', 'shop', { ...sidecar, ...identity({ podCertificate: {} }) }),
      pod('batch', 'shop', {}, { 'sidecar.istio.io/inject': 'false' }),
      pod('dns', 'kube-system', {}),
    ],
  },
};

async function states(cluster: Record<string, unknown>) {
  const api = {
    async get<T>(path: string): Promise<T> {
      const answer = cluster[path];
      if (answer instanceof Error) throw answer;
      if (answer === undefined) throw refusal(404);
      return answer as T;
    },
  };
  const results = await checkCluster(api, options);
  return Object.fromEntries(results.map(({ name, ...rest }) => [name, rest]));
}

describe('a check of a cluster', () => {
  test('finds nothing wrong with one that waits for its mesh', async () => {
    const found = await states(bare);
    expect(Object.values(found).map(({ state }) => state)).toEqual([
      ...['ok', 'ok', 'ok', 'absent', 'absent', 'absent', 'absent', 'absent', 'absent', 'ok', 'ok'],
    ]);
    expect(found['control plane']!.message).toBe('no control plane is installed yet');
  });

  test('says that all is well where it is', async () => {
    const found = await states(whole);
    expect(Object.values(found).filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(found['leader']!.message).toBe('replica-a leads');
    expect(found['gateway api']!.message).toBe('Gateway API v1.7.0');
    expect(found['sidecars']!.message).toBe('1 Pods of 1 namespaces have their sidecar');
  });

  const [first] = definitions;
  test.each<[what: string, check: string, state: string, change: Record<string, unknown>, message: RegExp]>([
    [
      'an old Kubernetes',
      'kubernetes',
      'failed',
      { '/version': { major: '1', minor: '32+', gitVersion: 'v1.32.1' } },
      /v1\.32\.1/,
    ],
    [
      'no podCertificate volumes',
      'pod certificates',
      'warning',
      { '/apis/certificates.k8s.io/v1': undefined },
      /no podcertificaterequests and no clustertrustbundles/,
    ],
    [
      'a definition that is missing',
      'definitions',
      'failed',
      { [DEFINITIONS]: { items: definitions.slice(1) } },
      new RegExp(first!.metadata.name),
    ],
    [
      'one that is not established',
      'definitions',
      'failed',
      { [DEFINITIONS]: { items: [...definitions.slice(1), named(first!.metadata.name)] } },
      new RegExp(first!.metadata.name),
    ],
    [
      'a replica that is not there',
      'control plane',
      'warning',
      { [DEPLOYMENT]: { spec: { replicas: 2 }, status: { availableReplicas: 1 } } },
      /^1 of 2/,
    ],
    ['no replica at all', 'control plane', 'failed', { [DEPLOYMENT]: { spec: { replicas: 2 } } }, /^0 of 2/],
    ['nobody who leads', 'leader', 'failed', { [LEASE]: undefined }, /no replica leads/],
    [
      'a leader that is silent',
      'leader',
      'failed',
      {
        [LEASE]: { spec: { holderIdentity: 'replica-a', renewTime: '2030-01-01T11:58:00Z', leaseDurationSeconds: 15 } },
      },
      /silent for 120 s/,
    ],
    ['no roots', 'trust bundle', 'warning', { [BUNDLE]: undefined }, /malha\.dev:workload:mesh/],
    ['a webhook that is gone', 'webhooks', 'failed', { [MUTATING]: { items: [] } }, /no mutating webhook/],
    ['a webhook that nobody trusts', 'webhooks', 'failed', { [VALIDATING]: webhook({}) }, /the validating webhook/],
    [
      'a Pod without its sidecar',
      'sidecars',
      'warning',
      { '/api/v1/pods': { items: [pod('old', 'shop', {})] } },
      /shop\/old/,
    ],
    [
      'keys that crossed the wire',
      'keys',
      'warning',
      { '/api/v1/pods': { items: [pod('web', 'shop', { ...sidecar, ...identity({ serviceAccountToken: {} }) })] } },
      /shop\/web/,
    ],
    ['what may not be read', 'sidecars', 'failed', { '/api/v1/namespaces': refusal(403, 'forbidden') }, /forbidden/],
    [
      'a tag that stands for nobody',
      'revisions',
      'failed',
      { [MUTATING]: { items: [...webhook().items, injector('v1', 'prod')] } },
      /nobody is there for tag prod/,
    ],
    [
      'a namespace that asks for nobody',
      'revisions',
      'failed',
      { '/api/v1/namespaces': { items: [named('shop', { 'istio.io/rev': 'v9' })] } },
      /no revision or tag is there for namespaces shop \(v9\)/,
    ],
    [
      'that no revision is the default one',
      'revisions',
      'warning',
      {
        [MUTATING]: { items: [...webhook(undefined, 'malha-control-plane-v2').items, injector('v2')].slice(1) },
        [VALIDATING]: webhook(undefined, 'malha-control-plane-v2'),
        [DEPLOYMENT]: undefined,
        [`${DEPLOYMENT}-v2`]: { spec: { replicas: 1 }, status: { availableReplicas: 1 } },
        '/api/v1/namespaces': { items: [] },
      },
      /none is the default one/,
    ],
    [
      'a revision of two whose replicas are not there',
      'control plane',
      'failed',
      {
        [MUTATING]: { items: [...webhook().items, injector('v2')] },
        [VALIDATING]: { items: [...webhook().items, injector('v2')] },
        [`${DEPLOYMENT}-v2`]: { spec: { replicas: 1 } },
      },
      /revision default: 2 of 2 .*; revision v2: 0 of 1/,
    ],
  ])('finds %s, and says what to do', async (_, check, state, change, message) => {
    const found = await states({ ...whole, ...change });
    expect(found[check]).toEqual({ state, message: expect.stringMatching(message), fix: expect.any(String) });
    const others = Object.entries(found).filter(([name]) => name !== check);
    const isForbidden = (text: string) => text.includes('forbidden');
    const failed = others.filter(([, other]) => other.state === 'failed' && !isForbidden(other.message));
    expect(failed).toEqual([]);
  });

  test('ends with 2 where nobody can be asked', async () => {
    const { code, stderr } = await malha(['check', '--kubeconfig', '/nowhere/config']);
    expect(code).toBe(2);
    expect(stderr).toContain('/nowhere/config');
  });
});
