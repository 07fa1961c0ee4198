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

/** Kubernetes' own namespaces: a cluster whose system Pods wait for a mesh does not start. */
export const NEVER_INJECTED: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];

/** Whether a namespace is Kubernetes' own: names that begin with `kube-` are its project's. */
export const isOfKubernetes = (namespace: string): boolean => namespace.startsWith('kube-');

export interface WebhookOptions {
  /** The control plane's namespace and the name of its Service. */
  readonly namespace: string;
  readonly service: string;
  /** Default: `default`, which also answers for `istio-injection: enabled`. */
  readonly revision?: string;
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
export const DEFAULT_REVISION = 'default';

const INJECTION = 'istio-injection';
const REVISION = 'istio.io/rev';
const WISH = 'sidecar.istio.io/inject';

const is = (key: string, ...values: string[]): Requirement => ({ key, operator: 'In', values });
const isNot = (key: string, ...values: string[]): Requirement => ({ key, operator: 'NotIn', values });
const lacks = (key: string): Requirement => ({ key, operator: 'DoesNotExist' });

/** Cluster-scoped names carry namespace and revision, so that two meshes of a cluster have their own. */
export function webhookName(part: 'injector' | 'validator', { namespace, revision }: WebhookOptions): string {
  const suffix = revision === undefined || revision === DEFAULT_REVISION ? '' : `-${revision}`;
  return `malha-${part}-${namespace}${suffix}`;
}

/** Both configurations. */
export function webhookConfigurations(options: WebhookOptions): KubeObject[] {
  return [mutating(options), validating(options)];
}

function mutating(options: WebhookOptions): KubeObject {
  const { namespace, service, revision = DEFAULT_REVISION } = options;
  const elsewhere = isNot('kubernetes.io/metadata.name', ...NEVER_INJECTED, namespace);
  const webhook = (name: string, namespaces: Requirement[], pods: Requirement[]) => ({
    name: `${name}.injector.malha.dev`,
    clientConfig: { service: { name: service, namespace, path: '/inject', port: WEBHOOK_SERVICE_PORT } },
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
    webhook('rev.namespace', [is(REVISION, revision), lacks(INJECTION)], [isNot(WISH, 'false')]),
    webhook('rev.object', [lacks(REVISION), lacks(INJECTION)], [isNot(WISH, 'false'), is(REVISION, revision)]),
  ];
  const byDefault = [
    webhook('namespace', [is(INJECTION, 'enabled')], [isNot(WISH, 'false')]),
    webhook('object', [lacks(INJECTION), lacks(REVISION)], [is(WISH, 'true'), lacks(REVISION)]),
  ];
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: webhookName('injector', options), labels: labelsOf(revision) },
    webhooks: [...byRevision, ...(revision === DEFAULT_REVISION ? byDefault : [])],
  };
}

function validating(options: WebhookOptions): KubeObject {
  const { namespace, service, revision = DEFAULT_REVISION } = options;
  const groups = [...new Set(kinds.map(({ group }) => group))].sort();
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: webhookName('validator', options), labels: labelsOf(revision) },
    webhooks: [
      {
        name: 'validator.malha.dev',
        clientConfig: { service: { name: service, namespace, path: '/validate', port: WEBHOOK_SERVICE_PORT } },
        rules: groups.map((group) => ({
          apiGroups: [group],
          apiVersions: ['*'],
          resources: kinds.filter((kind) => kind.group === group).map(({ plural }) => plural),
          operations: ['CREATE', 'UPDATE'],
          scope: '*',
        })),
        namespaceSelector: {},
        objectSelector: {},
        failurePolicy: 'Ignore',
        matchPolicy: 'Equivalent',
        sideEffects: 'None',
        timeoutSeconds: 5,
        admissionReviewVersions: ['v1'],
      },
    ],
  };
}

function labelsOf(revision: string): Record<string, string> {
  return { app: 'malha-control-plane', [REVISION]: revision };
}
