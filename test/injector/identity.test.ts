import { IDENTITY_DIRECTORY, type Injectable, inject } from '../../lib/injector';

const template: Injectable = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app' }], volumes: [{ name: 'own' }] },
};
const proxyOf = (identity: 'none' | 'podCertificate' | 'sds') => {
  const { metadata, spec } = inject(template, {
    workload: 'web',
    identity,
    controlPlane: 'cp.malha-system.svc.cluster.local:15012',
  });
  const proxy = spec!.initContainers!.find(({ name }) => name === 'istio-proxy')!;
  const config = JSON.parse(proxy.args![proxy.args!.indexOf('--config-yaml') + 1]!);
  return {
    annotations: metadata!.annotations!,
    spec: spec!,
    proxy,
    xds: config.static_resources.clusters[0],
    ads: config.dynamic_resources.ads_config,
  };
};

describe('injection', () => {
  test('changes no volume for a proxy that proves nothing', () => {
    const { spec, proxy, xds } = proxyOf('none');
    expect(spec.volumes).toEqual([{ name: 'own' }]);
    expect(proxy['volumeMounts']).toBeUndefined();
    expect(xds.transport_socket).toBeUndefined();
  });

  test('gives a proxy a podCertificate volume, the roots, and the secrets that lead Envoy to them', () => {
    const { annotations, spec, proxy, xds } = proxyOf('podCertificate');
    const [own, volume] = spec.volumes as { name: string; projected?: { sources: object[] } }[];
    expect(own).toEqual({ name: 'own' });
    expect(volume!.projected!.sources).toEqual([
      {
        podCertificate: {
          signerName: 'malha.dev/workload',
          keyType: 'ECDSAP256',
          credentialBundlePath: 'credential-bundle.pem',
        },
      },
      { clusterTrustBundle: { signerName: 'malha.dev/workload', labelSelector: {}, path: 'trust-bundle.pem' } },
      {
        downwardAPI: {
          items: [
            { path: 'sds-default.json', fieldRef: { fieldPath: "metadata.annotations['malha.dev/sds-default']" } },
            { path: 'sds-rootca.json', fieldRef: { fieldPath: "metadata.annotations['malha.dev/sds-rootca']" } },
          ],
        },
      },
    ]);
    expect(proxy['volumeMounts']).toEqual([{ name: volume!.name, mountPath: IDENTITY_DIRECTORY, readOnly: true }]);
    const secret = JSON.parse(annotations['malha.dev/sds-default']!).resources[0];
    expect(secret.tls_certificate.private_key).toEqual({ filename: `${IDENTITY_DIRECTORY}/credential-bundle.pem` });
    expect(JSON.stringify(xds.transport_socket)).toContain('cp.malha-system.svc.cluster.local');
  });

  test('gives a proxy a token for the control plane where it is told to, and no key', () => {
    const { annotations, spec, ads } = proxyOf('sds');
    const [, volume] = spec.volumes as { projected?: { sources: { serviceAccountToken?: object }[] } }[];
    expect(volume!.projected!.sources[0]!.serviceAccountToken).toMatchObject({ audience: 'malha.dev', path: 'token' });
    expect(Object.keys(annotations).filter((name) => name.startsWith('malha.dev/sds'))).toEqual([]);
    expect(ads.grpc_services[0].google_grpc.target_uri).toBe('dns:///cp.malha-system.svc.cluster.local:15012');
  });
});
