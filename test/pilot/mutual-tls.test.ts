/** Mutual TLS as the simulator sees it, and who gets a key to wait for. */
import type { KubeObject } from '../../lib/api/object';
import { Translator } from '../../lib/pilot';
import { ask } from '../../lib/simulator';
import { complete, proxyNamed, World } from '../../lib/world';
import { MeshSource } from '../../lib/xds/mesh-source';
import { silent } from '../xds/fake-client';

type Source = 'podCertificate' | 'serviceAccountToken';

const member = (name: string, source?: Source): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: { app: name, 'security.istio.io/tlsMode': 'istio' } },
  spec: {
    serviceAccountName: name,
    containers: [{ name: 'app' }],
    ...(source && { volumes: [{ name: 'malha-identity', projected: { sources: [{ [source]: {} }] } }] }),
  },
});
const service = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
});
const security = (kind: string, spec: object): KubeObject => ({
  apiVersion: 'security.istio.io/v1',
  kind,
  metadata: { name: 'default', namespace: 'shop' },
  spec,
});
const strict = security('PeerAuthentication', { mtls: { mode: 'STRICT' } });

function call(from: string, objects: KubeObject[]) {
  const translator = new Translator();
  const world = World.of(complete(objects));
  const snapshotOf = (name: string) => translator.snapshot(world, proxyNamed(world, `${name}.shop`)!);
  return ask(world, snapshotOf(from), {
    from: proxyNamed(world, `${from}.shop`)!,
    host: 'server',
    sidecarAt: (address) => {
      const found = world.pods('shop').find(({ status }) => status?.podIP === address);
      return found && snapshotOf(found.metadata.name);
    },
  });
}

describe('under STRICT, a call', () => {
  const server = member('server', 'podCertificate');

  test('of a workload with an identity arrives, and policies know who it is', () => {
    const objects = [member('client', 'serviceAccountToken'), server, service('server'), strict];
    expect(call('client', objects)).toMatchObject({ kind: 'forward' });
    const source = (account: string) => [{ source: { principals: [`cluster.local/ns/shop/sa/${account}`] } }];
    const allow = (account: string) => security('AuthorizationPolicy', { rules: [{ from: source(account) }] });
    expect(call('client', [...objects, allow('client')])).toMatchObject({ kind: 'forward' });
    expect(call('client', [...objects, allow('other')])).toMatchObject({ kind: 'refusal', status: 403 });
  });

  test('of one without is refused, since it comes in plaintext', () => {
    expect(call('client', [member('client'), server, service('server'), strict])).toEqual({
      kind: 'refusal',
      status: 503,
      why: 'port 8080 takes only mutual TLS, and the caller speaks plaintext to it',
    });
  });

  test('to a workload without one is refused by it, whoever comes', () => {
    const objects = [member('client', 'podCertificate'), member('server'), service('server'), strict];
    expect(call('client', objects)).toMatchObject({
      kind: 'refusal',
      why: 'port 8080 takes only mutual TLS, and the proxy there has no identity to speak it with',
    });
  });
});

describe('a proxy whose key comes over its stream', () => {
  const node = { id: 'sidecar~198.18.0.1~client.shop~shop.svc.cluster.local' };
  const source = new MeshSource({ log: silent, complete });
  source.update([member('client', 'serviceAccountToken'), service('client')]);
  const address = source.world!.pod('shop', 'client')!.status!.podIP!;
  const id = node.id.replace('198.18.0.1', address);
  const proof = { identity: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'client' }, address };
  const text = (getsKey?: boolean, proven = true) =>
    JSON.stringify(
      source.snapshot({ id }, proven ? { ...proof, getsKey } : undefined)!.clusters.map((each) => each.message),
    );

  test('asks for it there', () => {
    expect(text(true)).toContain('"name":"default","sds_config":{"ads":{}');
  });

  test('does without where none is sent: on a port that believes everybody, or to who has shown a certificate', () => {
    expect(text(undefined, false)).not.toContain('sds_config');
    expect(text(false)).not.toContain('sds_config');
  });
});
