import type { Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { inject } from '../../lib/injector';
import { hasIdentity, podsHere } from '../../lib/local/pods-here';

const SHOP: KubeObject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } },
};

const pod = (namespace: string, podIP = '198.18.0.1'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace },
  spec: { containers: [{ name: 'web' }] },
  status: { podIP },
});

const here = (each: Pod) => podsHere([SHOP, each])[1] as Pod;

describe('a Pod on this machine', () => {
  test('has the sidecar that admission would have put in, and a token for it', () => {
    const { spec, metadata } = here(pod('shop'));
    expect(spec?.initContainers?.map(({ name }) => name)).toEqual(['malha-init', 'istio-proxy']);
    expect(metadata.labels?.['security.istio.io/tlsMode']).toBe('istio');
    expect(JSON.stringify(spec?.volumes)).toContain('"serviceAccountToken":{"audience":"malha.dev"');
  });

  test('shows a token where a kubelet would have made a certificate', () => {
    const { spec } = here(inject(pod('other'), { identity: 'podCertificate' }));
    expect(spec?.volumes?.map(({ name }) => name)).toEqual(['malha-identity']);
    expect(JSON.stringify(spec?.volumes)).not.toContain('podCertificate');
  });

  test('stays as it is outside of the mesh, and where its proxy proves nothing', () => {
    const bare = pod('other');
    expect(here(bare)).toBe(bare);
    const plain = inject(pod('other'));
    expect(here(plain)).toBe(plain);
    expect(hasIdentity(plain)).toBe(false);
  });

  test('says how it captures, where its address is one of this machine', () => {
    expect(here(pod('shop', '127.18.0.7')).metadata.annotations).toMatchObject({
      'sidecar.istio.io/interceptionMode': 'NONE',
      'malha.dev/app-address': '127.17.0.7',
    });
    expect(here(pod('shop')).metadata.annotations).not.toHaveProperty(['malha.dev/app-address']);
  });

  test('is the very same value again, by which a World knows that nothing has changed', () => {
    const web = pod('shop');
    expect(here(web)).toBe(here(web));
    expect(here(here(web))).toBe(here(web));
  });
});
