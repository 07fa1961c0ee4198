/** Webhook configurations of Kubernetes, as far as the analysis reads them. */
import type { KubeObject } from '../../api/object';
import type { LabelSelector } from './label-selector';

export interface Webhook {
  name: string;
  clientConfig: { url?: string; service?: { name: string; namespace: string } };
  namespaceSelector?: LabelSelector;
  objectSelector?: LabelSelector;
}

/** admissionregistration.k8s.io/v1 */
export type WebhookConfiguration = KubeObject & { webhooks?: Webhook[] };

export const MUTATING = 'admissionregistration.k8s.io/MutatingWebhookConfiguration';
export const VALIDATING = 'admissionregistration.k8s.io/ValidatingWebhookConfiguration';
