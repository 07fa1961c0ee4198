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
    clusters: config.static_resources.clusters,
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
    const own = Object.keys(annotations).filter((name) => name.startsWith('malha.dev/sds'));
    expect(own).toEqual(['malha.dev/sds-token', 'malha.dev/sds-rootca']);
    expect(ads.grpc_services).toEqual([
      { envoy_grpc: { cluster_name: 'xds-grpc', retry_policy: { retry_back_off: expect.anything() } } },
    ]);
  });

  test('shows the token to whoever has proven to be the control plane, and to nobody else', () => {
    const { annotations, clusters, xds } = proxyOf('sds');
    const secret = JSON.parse(annotations['malha.dev/sds-token']!).resources[0];
    expect(secret.generic_secret.secret.filename).toBe(`${IDENTITY_DIRECTORY}/token`);
    const showing = clusters.filter((cluster: object) => JSON.stringify(cluster).includes('credential_injector'));
    expect(showing).toEqual([xds]);
    const { sni, common_tls_context: tls } = xds.transport_socket.typed_config;
    expect(sni).toBe('cp.malha-system.svc.cluster.local');
    expect(tls.combined_validation_context.default_validation_context.match_typed_subject_alt_names).toEqual([
      { san_type: 'DNS', matcher: { exact: 'cp.malha-system.svc.cluster.local' } },
    ]);
    // Without a credential nothing is sent.
    const [filter] = Object.values<{ http_filters: { typed_config: object }[] }>(
      xds.typed_extension_protocol_options,
    )[0]!.http_filters;
    expect(filter!.typed_config).not.toHaveProperty('allow_request_without_credential');
  });
});
