/** The Services of one workload agree on its ports: one protocol for each port, one port for each port of the Pods. */
import type { Service, WorkloadController } from '../../api/kubernetes';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { carries } from './label-selector';
import { namespaceOf } from './names';
import { isInMesh, type KnownWorkload } from './workloads';

const NAME = 'deployment.ServiceAssociationAnalyzer';

export function serviceAssociation(analysis: Analysis): Finding[] {
  const services = new Map<string, Service[]>();
  for (const service of analysis.of<Service>('/Service')) {
    if (Object.keys(service.spec?.selector ?? {}).length > 0) {
      const list = services.get(namespaceOf(service)) ?? [];
      list.push(service);
      services.set(namespaceOf(service), list);
    }
  }
  return analysis.of<WorkloadController>('apps/Deployment').flatMap((deployment) => {
    const namespace = namespaceOf(deployment);
    const labels = deployment.spec?.template?.metadata?.labels ?? {};
    const matching = (services.get(namespace) ?? []).filter((service) => carries(labels, service.spec?.selector));
    const isWaypoint = deployment.metadata.labels?.['gateway.istio.io/managed'] === 'istio.io-mesh-controller';
    return matching.length === 0 || isWaypoint || !inMesh(analysis, deployment)
      ? []
      : [...protocolConflicts(deployment, matching), ...portConflicts(deployment, matching)];
  });
}

function inMesh(analysis: Analysis, deployment: WorkloadController): boolean {
  const template = deployment.spec?.template;
  const workload: KnownWorkload = {
    object: deployment,
    isPod: false,
    namespace: namespaceOf(deployment),
    labels: template?.metadata?.labels ?? {},
    annotations: template?.metadata?.annotations ?? {},
    spec: template?.spec ?? { containers: [] },
  };
  return isInMesh(workload, analysis.namespaces.get(workload.namespace));
}

function protocolConflicts(deployment: WorkloadController, services: readonly Service[]): Finding[] {
  const byPort = new Map<number, Map<string, string[]>>();
  for (const service of services) {
    for (const port of service.spec?.ports ?? []) {
      const protocols = byPort.get(port.port) ?? new Map<string, string[]>();
      const protocol = port.protocol ?? 'TCP';
      protocols.set(protocol, [...(protocols.get(protocol) ?? []), service.metadata.name]);
      byPort.set(port.port, protocols);
    }
  }
  return [...byPort].flatMap(([port, protocols]) => {
    if (protocols.size < 2) {
      return [];
    }
    const names = [...new Set([...protocols.values()].flat())].sort().join(', ');
    const message = `the Services ${names} of this workload use port ${port} for ${[...protocols.keys()].join(' and ')}`;
    return [findingAbout(deployment, 'IST0116', NAME, { path: 'spec.template.metadata.labels', message })];
  });
}

function portConflicts(deployment: WorkloadController, services: readonly Service[]): Finding[] {
  const byTarget = new Map<string, Map<number, string>>();
  for (const service of services) {
    for (const port of service.spec?.ports ?? []) {
      const target = String(port.targetPort || port.port);
      const ports = byTarget.get(target) ?? new Map<number, string>();
      ports.set(port.port, service.metadata.name);
      byTarget.set(target, ports);
    }
  }
  return [...byTarget].flatMap(([target, ports]) => {
    if (ports.size < 2) {
      return [];
    }
    const names = [...new Set(ports.values())].sort().join(', ');
    const numbers = [...ports.keys()].sort((a, b) => a - b).join(', ');
    const message = `the Services ${names} of this workload lead to its port ${target} from the different ports ${numbers}`;
    return [findingAbout(deployment, 'IST0137', NAME, { path: 'spec.template.metadata.labels', message })];
  });
}
