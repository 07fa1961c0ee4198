/**
 * The gateway of an installation is rarely among the files of an application. Where they hold none, it is assumed: one Pod
 * and one Service `istio-ingressgateway` in the root namespace.
 */
import type { Pod, Service } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';

const LABELS = { app: 'istio-ingressgateway', istio: 'ingressgateway' };

/** Whether a workload with `labels` is such a gateway. */
export function isIngressGateway(labels: Readonly<Record<string, string>>): boolean {
  return labels['istio'] === LABELS.istio;
}

export function assumedGateway(rootNamespace: string): KubeObject[] {
  const metadata = { name: 'istio-ingressgateway', namespace: rootNamespace, labels: LABELS };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { containers: [{ name: 'istio-proxy', image: 'auto' }] },
  };
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      selector: LABELS,
      ports: [
        { name: 'http2', port: 80, targetPort: 8080, protocol: 'TCP' },
        { name: 'https', port: 443, targetPort: 8443, protocol: 'TCP' },
        { name: 'tcp', port: 31400, targetPort: 31400, protocol: 'TCP' },
        { name: 'tls', port: 15443, targetPort: 15443, protocol: 'TCP' },
      ],
    },
  };
  return [pod, service];
}
