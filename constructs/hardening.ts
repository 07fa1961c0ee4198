/**
 * What Pod Security `restricted` asks of a Pod beyond cdk8s-plus-27's own defaults (non-root, read-only root file
 * system, no privilege escalation): no capability at all, and the runtime's seccomp profile.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
 */
import type { PodSpec, WorkloadController } from '../lib/api/kubernetes';

/** The workload with every container of its own restricted. */
export function restricted<T extends WorkloadController>(workload: T): T {
  return withPodSpec(workload, (pod) => ({
    ...pod,
    securityContext: { ...pod.securityContext, seccompProfile: { type: 'RuntimeDefault' } },
    containers: pod.containers.map((container) => ({
      ...container,
      securityContext: {
        ...(container.securityContext as object | undefined),
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
    })),
  }));
}

/** The workload with its Pods changed. */
export function withPodSpec<T extends WorkloadController>(workload: T, change: (pod: PodSpec) => PodSpec): T {
  const { spec } = workload;
  if (!spec) return workload;
  return { ...workload, spec: { ...spec, template: { ...spec.template, spec: change(spec.template.spec) } } };
}

/** The workload with no user or group of its own: the platform gives each Pod one, of those that its namespace may have. */
export function withoutUsers<T extends WorkloadController>(workload: T): T {
  const without = (context: unknown) => {
    const { runAsUser: _, runAsGroup: __, fsGroup: ___, ...rest } = (context ?? {}) as Record<string, unknown>;
    return rest;
  };
  const each = <C extends object>(container: C): C => ({
    ...container,
    securityContext: without((container as { securityContext?: unknown }).securityContext),
  });
  return withPodSpec(workload, (pod) => ({
    ...pod,
    securityContext: without(pod.securityContext),
    containers: pod.containers.map(each),
    ...(pod.initContainers && { initContainers: pod.initContainers.map(each) }),
  }));
}
