/**
 * A revision tag: a name that stands for a revision, as the objects of a cluster that make it so. Its webhook configurations lead
 * whoever asks for the tag to that revision; the revision is allowed to write one field of them (`caBundle`), by their names.
 */
import type { KubeObject } from './object';
import { meshLabel } from './ownership';
import { controlPlaneName, DEFAULT_REVISION, REVISION_LABEL, TAG_LABEL } from './revisions';
import { type WebhookOptions, webhookConfigurations, webhookName } from './webhooks';

type TagOptions = WebhookOptions & { readonly tag: string };

export function tagObjects(options: TagOptions): KubeObject[] {
  const { namespace, revision = DEFAULT_REVISION, tag } = options;
  const labels = { ...meshLabel(namespace), [REVISION_LABEL]: revision, [TAG_LABEL]: tag };
  const metadata = { name: `malha-tag-${tag}-${namespace}`, labels };
  const apiGroup = 'rbac.authorization.k8s.io';
  const may = (part: 'injector' | 'validator', resource: string) => ({
    apiGroups: ['admissionregistration.k8s.io'],
    resources: [resource],
    resourceNames: [webhookName(part, options)],
    verbs: ['patch'],
  });
  return [
    ...webhookConfigurations(options).map((object) => ({
      ...object,
      metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } },
    })),
    {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRole',
      metadata,
      rules: [may('injector', 'mutatingwebhookconfigurations'), may('validator', 'validatingwebhookconfigurations')],
    },
    {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup, kind: 'ClusterRole', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: controlPlaneName(revision), namespace }],
    },
  ];
}
