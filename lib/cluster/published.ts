/** What the leader publishes: the roots of the mesh, for Pods and for the API server. */
import type { KubeObject, ObjectMeta } from '../api/object';
import { MESH_LABEL, meshLabel } from '../api/ownership';
import { REVISION_LABEL } from '../api/revisions';
import { isOfKubernetes } from '../api/webhooks';
import { trustBundleObject } from '../citadel/pod-certificate-signer';
import type { Resource } from '../discovery/kubernetes/resource';
import { ROOT_CONFIG_MAP } from '../injector';
import type { PublicationOptions } from './publication';

/** All that a publication needs, but for what and where. */
type Place = Omit<PublicationOptions, 'resource' | 'wanted'> & {
  /** What everything here goes with, as it was last read. */
  readonly owners: () => ObjectMeta['ownerReferences'];
};

/** Each in PEM. */
type Roots = () => readonly string[];

/** The ClusterTrustBundle that podCertificate volumes bring beside the certificate. */
export function trustBundle(place: Place, roots: Roots): PublicationOptions {
  const bundle = trustBundleObject([]);
  const { name } = bundle.metadata;
  const resource: Resource = {
    group: 'certificates.k8s.io',
    version: 'v1',
    plural: 'clustertrustbundles',
    kind: bundle.kind,
    name,
  };
  return {
    ...place,
    resource,
    wanted: () => [{ ...trustBundleObject(roots()), metadata: { name, ...metadataOf(place) } }],
  };
}

/** ConfigMap `malha-ca-root-cert` of each namespace, for clusters whose Pods prove themselves by a token. */
export function rootConfigMaps(
  place: Place,
  roots: Roots,
  namespaces: () => readonly KubeObject[],
): PublicationOptions {
  const resource: Resource = {
    group: '',
    version: 'v1',
    plural: 'configmaps',
    kind: 'ConfigMap',
    name: ROOT_CONFIG_MAP,
  };
  return {
    ...place,
    resource,
    wanted() {
      const data = { 'root-cert.pem': roots().join('') };
      return namespaces()
        .filter(({ metadata }) => !metadata.deletionTimestamp && !isOfKubernetes(metadata.name))
        .map(({ metadata: { name: namespace } }) => ({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: ROOT_CONFIG_MAP, namespace, ...metadataOf(place) },
          data,
        }));
    },
  };
}

/**
 * Whom the API server trusts when it calls our webhooks: one field of configurations that manifests hold, or that
 * `malha tag set` has made: those of this revision, found by their labels.
 */
export function webhookTrust(place: Place, roots: Roots, revision: string): PublicationOptions[] {
  const of = (kind: string): PublicationOptions => {
    const group = 'admissionregistration.k8s.io';
    const labels = { [MESH_LABEL]: place.mesh, [REVISION_LABEL]: revision };
    return {
      ...place,
      resource: { group, version: 'v1', plural: `${kind.toLowerCase()}s`, kind, labels },
      wanted(present) {
        const caBundle = Buffer.from(roots().join('')).toString('base64');
        return present.map((live) => ({
          apiVersion: `${group}/v1`,
          kind,
          metadata: { name: live.metadata.name },
          webhooks: webhooksOf(live).map(({ name }) => ({ name, clientConfig: { caBundle } })),
        }));
      },
    };
  };
  return [of('MutatingWebhookConfiguration'), of('ValidatingWebhookConfiguration')];
}

function webhooksOf({ webhooks }: KubeObject): { name: string }[] {
  return (Array.isArray(webhooks) ? webhooks : []) as { name: string }[];
}

function metadataOf({ mesh, owners }: Place): Pick<ObjectMeta, 'labels' | 'ownerReferences'> {
  const ownerReferences = owners();
  return { labels: meshLabel(mesh), ...(ownerReferences && { ownerReferences }) };
}
