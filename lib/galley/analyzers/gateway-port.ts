/** Gateways have proxies, and Services that lead to the ports that they serve. */
import type { Service } from '../../api/kubernetes';
import { Gateway } from '../../api/networking/gateway';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { type Analysis, type KnownWorkload, namespaceOf } from './analysis';

const NAME = 'gateway.IngressGatewayPortAnalyzer';

export function gatewayPort(analysis: Analysis): Finding[] {
  const services = new Map<string, Service[]>();
  for (const service of analysis.of<Service>('/Service')) {
    const namespace = namespaceOf(service);
    services.set(namespace, [...(services.get(namespace) ?? []), service]);
  }
  const ports = new Map<string, ReadonlySet<number>>();
  return analysis.of<Gateway>(Gateway).flatMap((gateway) => {
    const selector = gateway.spec.selector ?? {};
    const text = Object.entries(selector)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(',');
    const workloads = analysis.workloads(selector);
    if (workloads.length === 0) {
      return isInstalledElsewhere(selector) ? [] : [withoutProxies(gateway, text)];
    }
    const served = ports.get(text) ?? portsInFrontOf(workloads, services);
    ports.set(text, served);
    return (gateway.spec.servers ?? []).flatMap((server, index) => {
      if (served.has(server.port.number)) {
        return [];
      }
      const message = `no Service of the proxies ${text} has the port ${server.port.number}, their ports are ${[...served].join(', ') || 'none'}`;
      return [findingAbout(gateway, 'IST0162', NAME, { path: `spec.servers[${index}].port.number`, message })];
    });
  });
}

/** No labels mean all gateways; and the ingress gateway of an installation is rarely among the files of an application. */
function isInstalledElsewhere(selector: Record<string, string>): boolean {
  const installed: Record<string, string> = { istio: 'ingressgateway', app: 'istio-ingressgateway' };
  return Object.entries(selector).every(([key, value]) => installed[key] === value);
}

function withoutProxies(gateway: Gateway, selector: string): Finding {
  const message = `no Pod and no workload carries the labels ${selector} of the selector`;
  return findingAbout(gateway, 'IST0101', NAME, {
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
      const selector = Object.entries(service.spec?.selector ?? {});
      if (selector.length > 0 && selector.every(([key, value]) => workload.labels[key] === value)) {
        for (const port of service.spec?.ports ?? []) {
          ports.add(port.port);
          if (typeof port.targetPort === 'number') {
            ports.add(port.targetPort);
          }
        }
      }
    }
  }
  return ports;
}
