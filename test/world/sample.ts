/** Objects for tests, as short as they can be written. */
import type { DestinationRule, Gateway, ServiceEntry, Sidecar, VirtualService } from '../../lib/api';
import type { EndpointSlice, Pod, Service } from '../../lib/api/kubernetes';

const networking = 'networking.istio.io/v1';

export function service(name: string, namespace: string, spec: Service['spec'] = {}): Service {
  const ports = [{ name: 'http', port: 80 }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports, ...spec },
  };
}

export function pod(name: string, namespace: string, labels: Record<string, string> = {}, podIP = '198.18.0.1'): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: { containers: [{ name: 'app' }] },
    status: { podIP },
  };
}

/** One endpoint for each address, each of a Pod of the name `SERVICE-INDEX`. */
export function slice(serviceName: string, namespace: string, addresses: string[], port = 8080): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${serviceName}-a`, namespace, labels: { 'kubernetes.io/service-name': serviceName } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port }],
    endpoints: addresses.map((address, i) => ({
      addresses: [address],
      targetRef: { kind: 'Pod', name: `${serviceName}-${i}`, namespace },
    })),
  };
}

export function virtualService(
  name: string,
  namespace: string,
  spec: VirtualService['spec'],
  created = '',
): VirtualService {
  return {
    apiVersion: networking,
    kind: 'VirtualService',
    metadata: { name, namespace, ...(created && { creationTimestamp: created }) },
    spec,
  };
}

export function destinationRule(name: string, namespace: string, spec: DestinationRule['spec']): DestinationRule {
  return { apiVersion: networking, kind: 'DestinationRule', metadata: { name, namespace }, spec };
}

export function serviceEntry(name: string, namespace: string, spec: ServiceEntry['spec']): ServiceEntry {
  return { apiVersion: networking, kind: 'ServiceEntry', metadata: { name, namespace }, spec };
}

export function gateway(name: string, namespace: string, spec: Gateway['spec']): Gateway {
  return { apiVersion: networking, kind: 'Gateway', metadata: { name, namespace }, spec };
}

export function sidecar(name: string, namespace: string, spec: Sidecar['spec'], created = ''): Sidecar {
  const metadata = { name, namespace, ...(created && { creationTimestamp: created }) };
  return { apiVersion: networking, kind: 'Sidecar', metadata, spec };
}
