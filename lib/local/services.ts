/** What cluster DNS and kube-proxy know about Services, for pods of this machine. */
import type { EndpointSlice, Service } from '../api/kubernetes';
import type { KubeObject } from '../api/object';

export interface Backend {
  ip: string;
  port: number;
}

export interface LocalService {
  name: string;
  namespace: string;
  /** Undefined for a headless Service. */
  clusterIP?: string;
  ports: { port: number; name?: string; backends: Backend[] }[];
}

/** The Services that have addresses: their own, or those of their endpoints. In the order of the objects. */
export function servicesOf(objects: readonly KubeObject[]): LocalService[] {
  const slices = objects.filter((object) => object.kind === 'EndpointSlice') as EndpointSlice[];
  return (objects.filter(({ kind, apiVersion }) => kind === 'Service' && apiVersion === 'v1') as Service[])
    .filter(({ spec }) => spec && spec.type !== 'ExternalName')
    .map((service) => {
      const { name, namespace = 'default' } = service.metadata;
      const own = slices.filter(
        ({ metadata }) =>
          (metadata.namespace ?? 'default') === namespace && metadata.labels?.['kubernetes.io/service-name'] === name,
      );
      const clusterIP = service.spec?.clusterIP;
      return {
        name,
        namespace,
        clusterIP: clusterIP && clusterIP !== 'None' ? clusterIP : undefined,
        ports: (service.spec?.ports ?? []).map((port) => ({
          port: port.port,
          name: port.name,
          backends: own.flatMap((slice) =>
            (slice.ports ?? [])
              .filter((slicePort) => (slicePort.name ?? '') === (port.name ?? '') && slicePort.port)
              .flatMap((slicePort) =>
                (slice.endpoints ?? [])
                  .filter(({ conditions }) => conditions?.ready !== false)
                  .flatMap(({ addresses }) => addresses.map((ip) => ({ ip, port: slicePort.port! }))),
              ),
          ),
        })),
      };
    });
}

/** Finds the endpoints of `service`, `service.ns`, `service.ns.svc` or `service.ns.svc.cluster.local`, seen from a namespace. */
export function backendsOf(services: readonly LocalService[], host: string, port: number, from = 'default'): Backend[] {
  const [name, namespace = from] = host.split('.');
  const service = services.find((candidate) => candidate.name === name && candidate.namespace === namespace);
  return service?.ports.find((candidate) => candidate.port === port)?.backends ?? [];
}

/** /etc/hosts of the pods of a namespace: the names that cluster DNS would answer, short ones for neighbours. */
export function hostsFile(
  services: readonly LocalService[],
  namespace: string,
  pod: { name: string; ip: string },
): string {
  const lines = services.flatMap((service) => {
    const full = `${service.name}.${service.namespace}.svc.cluster.local`;
    const names = [full, full.replace('.cluster.local', ''), `${service.name}.${service.namespace}`];
    if (service.namespace === namespace) names.push(service.name);
    const backends = new Set(service.ports.flatMap(({ backends }) => backends.map(({ ip }) => ip)));
    const addresses = service.clusterIP ? [service.clusterIP] : [...backends];
    return addresses.map((address) => `${address}\t${names.join(' ')}`);
  });
  return ['127.0.0.1\tlocalhost', '::1\tlocalhost', `${pod.ip}\t${pod.name}`, ...lines, ''].join('\n');
}

/**
 * What kube-proxy does for connections that no proxy has captured: the Service's address becomes one of its endpoints,
 * each with the same chance. Input for `iptables-restore --noflush`.
 */
export function serviceRules(services: readonly LocalService[]): string {
  const rules = services.flatMap(({ clusterIP, ports }) =>
    ports
      .flatMap(({ port, backends }) =>
        backends.map((backend, i) => {
          const left = backends.length - i;
          const chance = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : '';
          return `-A OUTPUT -d ${clusterIP}/32 -p tcp --dport ${port}${chance} -j DNAT --to-destination ${backend.ip}:${backend.port}`;
        }),
      )
      .filter(() => clusterIP),
  );
  return ['*nat', ...rules, 'COMMIT', ''].join('\n');
}
