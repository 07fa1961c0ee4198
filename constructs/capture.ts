/** How the traffic of a workload gets into its sidecar. */
import { ApiObject, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { MeshService } from './mesh-service';
import type { Port } from './port';

/** The way into the sidecar: of the whole mesh, of a namespace, or of one service. */
export class Capture {
  /**
   * All TCP traffic is redirected, and the application knows nothing of it. An init container writes the rules: for that it needs
   * NET_ADMIN and NET_RAW for a second, which Pod Security `restricted` and `baseline` refuse, and is never privileged.
   */
  static transparent(): Capture {
    return new Capture('transparent');
  }

  /**
   * Nothing is redirected, and no Pod needs a capability. Callers are led to a port of the sidecar, by the target port of the Service.
   * The application sends HTTP by the proxy that `HTTP_PROXY` names; other connections go past the sidecar.
   */
  static explicit(): Capture {
    return new Capture('explicit');
  }

  private constructor(
    /** As the injector calls it. @internal */
    readonly way: 'transparent' | 'explicit',
  ) {}
}

/** Far from the ports that proxies keep for themselves. */
const DISTANCE = 20_000;
const HIGHEST = 65_535;

/**
 * The ports on which sidecars listen in place of their applications, for each port of a service.
 * @param ports as the applications have them.
 */
export function sidecarPorts(ports: readonly Port[]): Port[] {
  const taken = new Set(ports.map(({ targetPort }) => targetPort));
  return ports.map((port) => {
    let targetPort = port.targetPort + (port.targetPort + DISTANCE > HIGHEST ? -DISTANCE : DISTANCE);
    while (taken.has(targetPort)) targetPort++;
    taken.add(targetPort);
    return port.withTargetPort(targetPort);
  });
}

const PROTOCOLS: Readonly<Record<string, string>> = {
  http: 'HTTP',
  http2: 'HTTP2',
  grpc: 'GRPC',
  tcp: 'TCP',
  tls: 'TLS',
};

/**
 * Leads the sidecars' ports to the applications', and keeps callers from going past the sidecars: what nothing redirects, only
 * a NetworkPolicy can hold back.
 * @param inside the ports as the applications have them, in the order of the service's.
 */
export function explicitCapture(service: MeshService<string>, inside: readonly Port[]): void {
  const metadata = { name: `${service.name}-sidecar`, namespace: service.namespace, labels: service.podLabels };
  new ApiObject(service, 'Sidecar', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata,
    spec: {
      workloadSelector: { labels: service.podLabels },
      ingress: service.ports.map(({ targetPort, protocol, number }, index) => ({
        port: { number: targetPort, protocol: PROTOCOLS[protocol], name: `${protocol}-${number}` },
        defaultEndpoint: `127.0.0.1:${inside[index]!.targetPort}`,
        captureMode: 'NONE',
      })),
    },
  });
  const open = [...service.ports.map(({ targetPort }) => targetPort), READINESS, METRICS];
  new ApiObject(service, 'NetworkPolicy', {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata,
    spec: {
      podSelector: { matchLabels: service.podLabels },
      policyTypes: ['Ingress'],
      ingress: [{ ports: open.map((port) => ({ port, protocol: 'TCP' })) }],
    },
  });
}

const READINESS = 15021;
const METRICS = 15090;

/** The namespaces of the program in which no Pod may have the capabilities of transparent capture, and what they enforce. */
export function restrictedNamespaces(root: Construct): Map<string, string> {
  const found = new Map<string, string>();
  for (const construct of root.node.findAll()) {
    if (!ApiObject.isApiObject(construct) || construct.kind !== 'Namespace' || !Chart.of(construct)) continue;
    const { metadata } = construct.toJson() as { metadata: { name: string; labels?: Record<string, string> } };
    const level = metadata.labels?.['pod-security.kubernetes.io/enforce'];
    if (level === 'restricted' || level === 'baseline') found.set(metadata.name, level);
  }
  return found;
}
