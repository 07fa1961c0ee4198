/**
 * By which an API server asks the control plane: MutatingWebhookConfiguration and ValidatingWebhookConfiguration
 * (admissionregistration.k8s.io/v1). They are written without a `caBundle`; the control plane adds that one field by
 * server-side apply, as its own, so that whoever applies these again finds nothing changed.
 *
 * What they may not stop: Kubernetes' own namespaces and the control plane's are never asked about. A Pod that has its
 * sidecar already is not asked about either, so that manifests with sidecars start without us. A Pod that should get
 * one waits (`Fail`): without it, it would run outside the mesh. An object of the mesh passes when nobody answers
 * (`Ignore`): Galley stands at the door of the World as well.
 */
import { kinds } from './kinds';
import type { KubeObject } from './object';
import {
  CONTROL_PLANE_NAME,
  controlPlaneName,
  DEFAULT_REVISION,
  ofRevision,
  REVISION_LABEL,
  TAG_LABEL,
} from './revisions';

/** Kubernetes' own namespaces: a cluster whose system Pods wait for a mesh does not start. */
export const NEVER_INJECTED: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];

/** Whether a namespace is Kubernetes' own: names that begin with `kube-` are its project's. */
export const isOfKubernetes = (namespace: string): boolean => namespace.startsWith('kube-');

export interface WebhookOptions {
  /** The control plane's namespace. */
  readonly namespace: string;
  /** Who is asked. Default: `default`. */
  readonly revision?: string;
  /** The tag by which it is asked. Default: its own name. `default` also answers for `istio-injection: enabled`. */
  readonly tag?: string;
}

interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

/** Where the control plane answers; Istio's port. */
export const WEBHOOK_PORT = 15017;
/** Where its Service does. */
export const WEBHOOK_SERVICE_PORT = 443;

const INJECTION = 'istio-injection';
const REVISION = REVISION_LABEL;
const WISH = 'sidecar.istio.io/inject';

const is = (key: string, ...values: string[]): Requirement => ({ key, operator: 'In', values });
const isNot = (key: string, ...values: string[]): Requirement => ({ key, operator: 'NotIn', values });
const lacks = (key: string): Requirement => ({ key, operator: 'DoesNotExist' });

/** Cluster-scoped names carry namespace and revision, so that two meshes of a cluster have their own. No revision has a dot. */
export function webhookName(part: 'injector' | 'validator', { namespace, revision, tag }: WebhookOptions): string {
  const name = `malha-${part}-${namespace}`;
  return tag === undefined ? ofRevision(name, revision) : `${name}.tag-${tag}`;
}

/** Both configurations: of a revision, or of a tag that stands for it. */
export function webhookConfigurations(options: WebhookOptions): KubeObject[] {
  return [mutating(options), validating(options)];
}

function mutating(options: WebhookOptions): KubeObject {
  const { namespace, revision = DEFAULT_REVISION, tag } = options;
  const asked = tag ?? revision;
  const elsewhere = isNot('kubernetes.io/metadata.name', ...NEVER_INJECTED, namespace);
  const webhook = (name: string, namespaces: Requirement[], pods: Requirement[]) => ({
    name: `${name}.injector.malha.dev`,
    clientConfig: askedAt(options, '/inject'),
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'], scope: '*' }],
    namespaceSelector: { matchExpressions: [...namespaces, elsewhere] },
    objectSelector: { matchExpressions: pods },
    matchConditions: [
      // Selectors know no beginnings of names: other parts of Kubernetes may have their own namespaces.
      { name: 'is-not-of-kubernetes', expression: '!request.namespace.startsWith("kube-")' },
      {
        name: 'has-no-sidecar',
        expression:
          '!(has(object.spec.initContainers) && object.spec.initContainers.exists(c, c.name == "istio-proxy")) && ' +
          '!object.spec.containers.exists(c, c.name == "istio-proxy")',
      },
      { name: 'has-a-network-of-its-own', expression: '!(has(object.spec.hostNetwork) && object.spec.hostNetwork)' },
    ],
    failurePolicy: 'Fail',
    reinvocationPolicy: 'IfNeeded',
    matchPolicy: 'Equivalent',
    sideEffects: 'None',
    timeoutSeconds: 10,
    admissionReviewVersions: ['v1'],
  });
  const byRevision = [
    webhook('rev.namespace', [is(REVISION, asked), lacks(INJECTION)], [isNot(WISH, 'false')]),
    webhook('rev.object', [lacks(REVISION), lacks(INJECTION)], [isNot(WISH, 'false'), is(REVISION, asked)]),
  ];
  const byDefault = [
    webhook('namespace', [is(INJECTION, 'enabled')], [isNot(WISH, 'false')]),
    webhook('object', [lacks(INJECTION), lacks(REVISION)], [is(WISH, 'true'), lacks(REVISION)]),
  ];
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: webhookName('injector', options), labels: labelsOf(options) },
    webhooks: [...byRevision, ...(asked === DEFAULT_REVISION ? byDefault : [])],
  };
}

function validating(options: WebhookOptions): KubeObject {
  const { revision = DEFAULT_REVISION, tag } = options;
  const asked = tag ?? revision;
  const groups = [...new Set(kinds.map(({ group }) => group))].sort();
  const webhook = (name: string, objects: Requirement) => ({
    name,
    clientConfig: askedAt(options, '/validate'),
    rules: groups.map((group) => ({
      apiGroups: [group],
      apiVersions: ['*'],
      resources: kinds.filter((kind) => kind.group === group).map(({ plural }) => plural),
      operations: ['CREATE', 'UPDATE'],
      scope: '*',
    })),
    namespaceSelector: {},
    objectSelector: { matchExpressions: [objects] },
    failurePolicy: 'Ignore',
    matchPolicy: 'Equivalent',
    sideEffects: 'None',
    timeoutSeconds: 5,
    admissionReviewVersions: ['v1'],
  });
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: webhookName('validator', options), labels: labelsOf(options) },
    // An object is for one revision, or for all: then the default one judges it.
    webhooks: [
      ...(asked === DEFAULT_REVISION ? [webhook('validator.malha.dev', lacks(REVISION))] : []),
      webhook('rev.validator.malha.dev', is(REVISION, asked)),
    ],
  };
}

function askedAt({ namespace, revision }: WebhookOptions, path: string) {
  return { service: { name: controlPlaneName(revision), namespace, path, port: WEBHOOK_SERVICE_PORT } };
}

function labelsOf({ revision = DEFAULT_REVISION, tag }: WebhookOptions): Record<string, string> {
  return { app: CONTROL_PLANE_NAME, [REVISION]: revision, ...(tag !== undefined && { [TAG_LABEL]: tag }) };
}
