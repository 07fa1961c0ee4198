/**
 * How a rendered workload joins the mesh: labels by which its service and subset find it, named ports, the service's
 * account, and the sidecar. One path for workloads that we made and those that the program brought.
 */
import type { Container, PodTemplate, WorkloadController } from '../lib/api/kubernetes';
import { type InjectOptions, injectObject } from '../lib/injector';
import type { Port } from './port';
import { unshared } from './rendered';

export interface Enrolment {
  /** `app` and `version`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly { port: Port; name: string }[];
  readonly serviceAccountName: string;
  readonly injection: InjectOptions;
}

/** @throws when the workload already says something else. */
export function enrolled(workload: WorkloadController, { labels, ports, serviceAccountName, injection }: Enrolment) {
  const { spec } = workload;
  if (!spec?.template?.spec?.containers?.length) {
    throw new Error(
      `${workload.kind} ${workload.metadata.name} has no Pod template with containers; nothing can join the mesh`,
    );
  }
  const template = spec.template;
  const [main, ...others] = template.spec.containers;
  const joined: PodTemplate = {
    ...template,
    metadata: { ...template.metadata, labels: mergedLabels(workload, template, labels) },
    spec: {
      ...template.spec,
      serviceAccountName: mergedAccount(workload, template, serviceAccountName),
      containers: namedPorts([main!, ...others], ports),
    },
  };
  const enrolledWorkload: WorkloadController = {
    ...workload,
    metadata: { ...workload.metadata, labels: { ...labels, ...workload.metadata.labels } },
    spec: { ...spec, template: joined },
  };
  return unshared(injectObject(enrolledWorkload, injection));
}

function mergedLabels(workload: WorkloadController, template: PodTemplate, labels: Readonly<Record<string, string>>) {
  const own = template.metadata?.labels ?? {};
  for (const [label, wanted] of Object.entries(labels)) {
    if (own[label] !== undefined && own[label] !== wanted) {
      throw new Error(
        `${workload.kind} ${workload.metadata.name}: its Pods have the label ${label}=${own[label]}, ` +
          `but the mesh finds them by ${label}=${wanted}; remove the label, or name the service or version after it`,
      );
    }
  }
  return { ...own, ...labels };
}

function mergedAccount(workload: WorkloadController, template: PodTemplate, account: string): string {
  const own = template.spec.serviceAccountName;
  if (own !== undefined && own !== account) {
    throw new Error(
      `${workload.kind} ${workload.metadata.name}: runs as service account ${own}, but its service's identity is ` +
        `${account}; pass serviceAccountName: '${own}' to the MeshService, or remove it from the workload`,
    );
  }
  return account;
}

/** Every target port is declared and named; one that no container has is the first container's. */
function namedPorts(containers: Container[], ports: Enrolment['ports']): Container[] {
  const missing = new Map(ports.map(({ port, name }) => [port.targetPort, name]));
  const named = containers.map((container) => {
    if (!container.ports) return container;
    const containerPorts = container.ports.map((port) => {
      const name = missing.get(port.containerPort);
      missing.delete(port.containerPort);
      return name === undefined || port.name !== undefined ? port : { ...port, name };
    });
    return { ...container, ports: containerPorts };
  });
  if (missing.size === 0) return named;
  const [main, ...others] = named as [Container, ...Container[]];
  const added = [...missing].map(([containerPort, name]) => ({ containerPort, name, protocol: 'TCP' }));
  return [{ ...main, ports: [...(main.ports ?? []), ...added] }, ...others];
}
