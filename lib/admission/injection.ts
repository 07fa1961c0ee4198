/** `/inject`: a Pod gets its sidecar. Which Pods are asked about is the webhook configuration's matter (`lib/api/webhooks.ts`). */
import type { PodSpec } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import { isOfKubernetes } from '../api/webhooks';
import { type InjectOptions, inject, workloadNameOf } from '../injector';
import { jsonPatch } from './json-patch';
import { type AdmissionRequest, ALLOWED, type Verdict } from './review';

export interface InjectionOptions {
  /** What every sidecar of this mesh is made from. */
  readonly injection: Omit<InjectOptions, 'workload'>;
  /** The control plane's own namespace: nothing there waits for itself. */
  readonly systemNamespace: string;
}

export function injectionVerdict(request: AdmissionRequest, options: InjectionOptions): Verdict {
  const { object, operation, namespace = '', subResource } = request;
  if (operation !== 'CREATE' || subResource || object?.kind !== 'Pod') return ALLOWED;
  if (namespace === options.systemNamespace || isOfKubernetes(namespace)) return ALLOWED;
  const pod = object as KubeObject<PodSpec>;
  const { settingsFor, bootstrapPatchesFor } = options.injection;
  const workload = workloadNameOf(pod.metadata ?? {});
  try {
    const injected = inject(pod, {
      ...options.injection,
      ...(workload !== undefined && { workload }),
      // A Pod that is about to be made may name no namespace: the request does.
      ...(settingsFor && { settingsFor: (each) => settingsFor({ ...each, namespace }) }),
      ...(bootstrapPatchesFor && { bootstrapPatchesFor: (each) => bootstrapPatchesFor({ ...each, namespace }) }),
    });
    return injected === pod ? ALLOWED : { allowed: true, patch: jsonPatch(pod, injected) };
  } catch (error) {
    return { allowed: false, message: `no sidecar can be put into this Pod: ${(error as Error).message}` };
  }
}
