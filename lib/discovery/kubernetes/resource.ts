/** What is read from an API server: its resources, their paths, and what of each object is kept. */
import { kinds } from '../../api';
import { gatewayApiKinds } from '../../api/gateway-api';
import type { ConfigMap, Container, Pod, Secret } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import { MESH_LABEL } from '../../api/ownership';
import { MESH_CONFIG_NAME, ofRevision } from '../../api/revisions';
import { IDENTITY_VOLUME, type IdentitySource, identitySourceOf, PARAMETER_KEYS } from '../../world';
import type { CredentialName } from './credentials';

/** Objects of one kind, all of them, those of a namespace, or one by its name. */
export interface Resource {
  /** `''` for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** Only there. Default: everywhere. */
  readonly namespace?: string;
  /** Only the one of this name: what a Role with `resourceNames` lets us read. */
  readonly name?: string;
  /** Only those with these labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Nobody waits for it: that it may not be read counts as an answer. */
  readonly isOptional?: boolean;
  /** What is remembered of an object. Default: all but what the API server adds for itself. */
  readonly keep?: (object: KubeObject) => KubeObject;
  /** Its status tells what the mesh makes of it: known beside the object, so that writing it is no change of the mesh. */
  readonly hasOwnStatus?: boolean;
}

/** What stands on an API server beside an object. */
export interface Standing {
  readonly resourceVersion?: string;
  readonly status?: unknown;
}

/** `/apis/networking.istio.io/v1/namespaces/shop/virtualservices`. */
export function pathOf({ group, version, plural, namespace }: Resource): string {
  const api = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${api}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`;
}

/** How logs, metrics and messages name it: `virtualservices.networking.istio.io`, `secrets shop/edge-tls`. */
export function resourceName({ group, plural, namespace, name }: Resource): string {
  const place = [namespace, name].filter(Boolean).join('/');
  return `${plural}${group === '' ? '' : `.${group}`}${place ? ` ${place}` : ''}`;
}

const core = (plural: string, kind: string, keep?: Resource['keep']): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  keep,
});

/** The resources of a cluster that make a World; Secrets and further ConfigMaps are read one by one (`credentials.ts`). */
/** @param revision whose mesh configuration is read; the default one's takes its place. */
export function clusterResources(rootNamespace: string, revision?: string): Resource[] {
  const meshConfigs = new Set([MESH_CONFIG_NAME, ofRevision(MESH_CONFIG_NAME, revision)]);
  return [
    core('namespaces', 'Namespace', named),
    core('nodes', 'Node', named),
    core('serviceaccounts', 'ServiceAccount', named),
    core('pods', 'Pod', podCore),
    core('services', 'Service'),
    { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', kind: 'EndpointSlice' },
    { group: 'networking.k8s.io', version: 'v1', plural: 'ingresses', kind: 'Ingress', hasOwnStatus: true },
    { group: 'networking.k8s.io', version: 'v1', plural: 'ingressclasses', kind: 'IngressClass' },
    ...[...meshConfigs].map((name) => ({ ...core('configmaps', 'ConfigMap'), namespace: rootNamespace, name })),
    // Of these, which tags there are.
    {
      group: 'admissionregistration.k8s.io',
      version: 'v1',
      plural: 'mutatingwebhookconfigurations',
      kind: 'MutatingWebhookConfiguration',
      labels: { [MESH_LABEL]: rootNamespace },
      keep: labelled,
      isOptional: true,
    },
    ...[...kinds, ...gatewayApiKinds].map(({ group, storedVersion, plural, kind }) => ({
      group,
      version: storedVersion,
      plural,
      kind,
      hasOwnStatus: true,
    })),
  ];
}

/** One Secret or ConfigMap. */
export function namedResource({ kind, namespace, name }: CredentialName): Resource {
  const all = kind === 'Secret' ? core('secrets', 'Secret', credential) : core('configmaps', 'ConfigMap', settings);
  return { ...all, namespace, name };
}

/**
 * What is remembered of an object: it may come back a hundred thousand times, so what nobody reads is dropped. Lists
 * leave out `apiVersion` and `kind` of their items; they are put back.
 */
export function kept(object: KubeObject, resource: Resource): KubeObject {
  const { group, version, kind, hasOwnStatus, keep = hasOwnStatus ? withoutStatus : whole } = resource;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  // Without its version, an object that was written without being changed is the same as before.
  const { managedFields: _, resourceVersion: ___, annotations, ...metadata } = object.metadata as Metadata;
  const { 'kubectl.kubernetes.io/last-applied-configuration': __, ...remarks } = annotations ?? {};
  const lean = { ...metadata, ...(Object.keys(remarks).length > 0 ? { annotations: remarks } : {}) };
  return keep({ ...object, apiVersion: object.apiVersion ?? apiVersion, kind: object.kind ?? kind, metadata: lean });
}

type Metadata = KubeObject['metadata'] & { managedFields?: unknown };

const whole = (object: KubeObject): KubeObject => object;

function withoutStatus({ status: _, ...object }: KubeObject): KubeObject {
  return object;
}

/** What is known of an item beside the object. */
export function standingOf({ metadata, status }: KubeObject): Standing {
  return { resourceVersion: metadata.resourceVersion, status };
}

/** The keys of `kubernetes.io/tls`, those of the API's older form, and who may sign clients' certificates. */
const CREDENTIAL_KEYS = ['tls.crt', 'tls.key', 'cert', 'key', 'ca.crt', 'cacert', 'ca.crl'];

function credential(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, type, data = {} } = object as Secret;
  const read = Object.entries(data).filter(([key]) => CREDENTIAL_KEYS.includes(key));
  return { apiVersion, kind, metadata, type, data: Object.fromEntries(read) };
}

/** Who may sign clients' certificates, and what a Gateway says of what runs it. Of other keys, only that they are there. */
function settings(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, data = {} } = object as ConfigMap;
  const isRead = (key: string) => key === 'ca.crt' || PARAMETER_KEYS.includes(key);
  const read = Object.entries(data).map(([key, value]) => [key, isRead(key) ? value : '']);
  return { apiVersion, kind, metadata, data: Object.fromEntries(read) };
}

/** Who it is, and its labels. */
function labelled({ apiVersion, kind, metadata: { name, labels } }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata: { name, labels } };
}

function named({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata };
}

/** Of a Pod's volumes, how its proxy proves who it is: by it mutual TLS is spoken. The same for all Pods. */
const IDENTITY_VOLUMES: Readonly<Record<IdentitySource, readonly object[]>> = {
  files: [{ name: IDENTITY_VOLUME, projected: { sources: [{ podCertificate: {} }] } }],
  ads: [{ name: IDENTITY_VOLUME, projected: { sources: [{ serviceAccountToken: {} }] } }],
};

/** Of a Pod: who it is and how it proves that, what its containers are called and listen on, where it is and how it fares. */
function podCore(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, spec, status = {} } = object as Pod;
  const identity = identitySourceOf(object as Pod);
  const containers = (list: readonly Container[]) =>
    list.map(({ name, image, args, ports, restartPolicy }) => ({ name, image, args, ports, restartPolicy }));
  const { phase, podIP, podIPs, conditions } = status;
  return {
    apiVersion,
    kind,
    metadata,
    spec: spec && {
      serviceAccountName: spec.serviceAccountName,
      nodeName: spec.nodeName,
      hostNetwork: spec.hostNetwork,
      hostname: spec['hostname'],
      subdomain: spec['subdomain'],
      containers: containers(spec.containers),
      initContainers: spec.initContainers && containers(spec.initContainers),
      ...(identity && { volumes: IDENTITY_VOLUMES[identity] }),
    },
    status: {
      phase,
      podIP,
      podIPs,
      // Times of probes change without anything that concerns the mesh.
      conditions: conditions?.map(({ type, status: is }) => ({ type, status: is })),
    },
  };
}
