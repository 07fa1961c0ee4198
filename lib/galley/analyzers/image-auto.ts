/** A proxy whose image is `auto` gets its image by injection, or never starts. */
import type { PodSpec, WorkloadController } from '../../api/kubernetes';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { selects } from './label-selector';
import { namespaceOf } from './names';
import { MUTATING, type Webhook, type WebhookConfiguration } from './webhook-configuration';
import { PROXY_CONTAINER } from './workloads';

const NAME = 'injection.ImageAutoAnalyzer';

export function imageAuto(analysis: Analysis): Finding[] {
  const injectors = analysis
    .of<WebhookConfiguration>(MUTATING)
    .flatMap((object) => object.webhooks ?? [])
    .filter(({ name }) => name.endsWith('istio.io'));
  return [
    ...analysis.of('/Pod').flatMap((pod) => {
      const index = autoIn(pod.spec as PodSpec | undefined);
      const path = `spec.containers[${index}].image`;
      const message = 'the image auto is for injection to replace, and a Pod that exists was not injected';
      return index < 0 || analysis.isAssumed(pod) ? [] : [findingAbout(pod, 'IST0147', NAME, { path, message })];
    }),
    ...analysis.of<WorkloadController>('apps/Deployment').flatMap((deployment) => {
      const index = autoIn(deployment.spec?.template?.spec);
      if (index < 0 || isInjected(analysis, deployment, injectors)) {
        return [];
      }
      const path = `spec.template.spec.containers[${index}].image`;
      const message = 'the image auto is for injection to replace, and no webhook injects these Pods';
      return [findingAbout(deployment, 'IST0146', NAME, { path, message })];
    }),
  ];
}

function autoIn(spec: PodSpec | undefined): number {
  return (spec?.containers ?? []).findIndex(({ name, image }) => name === PROXY_CONTAINER && image === 'auto');
}

function isInjected(analysis: Analysis, deployment: WorkloadController, injectors: readonly Webhook[]): boolean {
  const namespace = analysis.namespaces.get(namespaceOf(deployment))?.metadata.labels ?? {};
  const pod = deployment.spec?.template?.metadata?.labels ?? {};
  return injectors.some(
    (webhook) => selects(webhook.namespaceSelector, namespace) && selects(webhook.objectSelector, pod),
  );
}
