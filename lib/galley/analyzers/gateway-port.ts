/** Gateways have proxies, and Services that lead to the ports that they serve. */
import type { Service } from '../../api/kubernetes';
import { Gateway } from '../../api/networking/gateway';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { carries, selectorText } from './label-selector';
import { namespaceOf } from './names';
import type { KnownWorkload } from './workloads';

const NAME = 'gateway.IngressGatewayPortAnalyzer';

export function gatewayPort(analysis: Analysis): Finding[] {
  const services = new Map<string, Service[]>();
  for (const service of analysis.of<Service>('/Service')) {
    const namespace = namespaceOf(service);
    const list = services.get(namespace) ?? [];
    list.push(service);
    services.set(namespace, list);
  }
  const ports = new Map<string, ReadonlySet<number>>();
  return analysis.of<Gateway>(Gateway).flatMap((gateway) => {
    const text = selectorText(gateway.spec.selector);
    const workloads = analysis.workloads.matching(gateway.spec.selector);
    if (workloads.length === 0) {
      return [withoutProxies(gateway, text, NAME)];
    }
    const served = ports.get(text) ?? portsInFrontOf(workloads, services);
    ports.set(text, served);
    return (gateway.spec.servers ?? []).flatMap((server, index) => {
      if (server.port.number === 0 || served.has(server.port.number)) {
        return [];
      }
      const message = `no Service of the proxies ${text} has the port ${server.port.number}, their ports are ${[...served].join(', ') || 'none'}`;
      return [findingAbout(gateway, 'IST0162', NAME, { path: `spec.servers[${index}].port.number`, message })];
    });
  });
}

/** The finding about a gateway that no proxy takes up. */
export function withoutProxies(gateway: Gateway, selector: string, analyzer: string): Finding {
  const message = `no Pod and no workload carries the labels ${selector} of the selector`;
  return findingAbout(gateway, 'IST0101', analyzer, {
    path: 'spec.selector',
    message,
    fix: 'correct the labels, or add the gateway proxies',
  });
}

/** The ports that a Service has, and those at the proxies that they lead to: a Gateway may name either. */
function portsInFrontOf(
  workloads: readonly KnownWorkload[],
  services: ReadonlyMap<string, Service[]>,
): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const workload of workloads) {
    for (const service of services.get(workload.namespace) ?? []) {
      const selector = service.spec?.selector ?? {};
      if (Object.keys(selector).length > 0 && carries(workload.labels, selector)) {
        for (const port of service.spec?.ports ?? []) {
          if ((port.protocol ?? 'TCP') === 'TCP') {
            ports.add(port.port);
            ports.add(Number(port.targetPort ?? port.port));
          }
        }
      }
    }
  }
  return ports;
}
