/** A service beyond the mesh that workloads may call: without one, a strict mesh lets nothing out. */
import { ApiObject, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import type { ServiceEntry, TrafficPolicy } from '../lib/api';
import type { LoadBalancing } from './load-balancing';
import type { Mesh } from './mesh';
import { checkList, checkMesh, checkPorts } from './plain-value';
import { namedPorts, type Port } from './port';
import { problemAt } from './problem';
import { checkDialled } from './reserved-ports';
import { type Resilience, trafficPolicyOf } from './resilience';

/** What is called, and how. */
export interface ExternalServiceProps {
  /** The mesh whose workloads call it. */
  readonly mesh: Mesh;
  /** Its names, as workloads call it: `api.example.com`; a wildcard such as `*.example.com` only with TLS. */
  readonly hosts: readonly string[];
  /** What is spoken on which port: `Port.tls(443)`, `Port.http(80)`, `Port.tcp(5432)`. */
  readonly ports: readonly Port[];
  /** The addresses behind the names. Default: what DNS says. */
  readonly addresses?: readonly string[];
  /**
   * Workloads speak plain HTTP, and their sidecars TLS: requests can be routed, retried and counted, and still leave
   * encrypted. The port of each `Port.http` is then that of the workloads, its `targetPort` that of the service. Default: no.
   */
  readonly originateTls?: boolean;
  /** How callers protect it and themselves. Default: the API's, no limits. */
  readonly resilience?: Resilience;
  /** How callers choose among its addresses. Default: the one with fewer requests in flight. */
  readonly loadBalancing?: LoadBalancing;
  /** The namespaces whose workloads may call it. Default: that of its chart alone. */
  readonly visibleTo?: readonly string[];
}

/**
 * Writes a ServiceEntry, and a DestinationRule where it is needed. Seen by its own namespace only, unless said otherwise:
 * what one team may call, another may not.
 */
export class ExternalService extends Construct {
  readonly hosts: readonly string[];
  readonly ports: readonly Port[];
  readonly namespace: string;

  constructor(scope: Construct, id: string, props: ExternalServiceProps) {
    super(scope, id);
    const { namespace } = Chart.of(this);
    if (namespace === undefined) {
      throw problemAt(this, {
        code: 'MAL0114',
        what: 'an external service is declared in a namespace, and its chart names none',
        fix: `new Chart(app, '${Chart.of(this).node.id}', { namespace: '…' })`,
      });
    }
    checkMesh(this, props.mesh);
    checkList(this, 'hosts', props.hosts, "'api.example.com'");
    checkList(this, 'ports', props.ports, 'Port.tls(443)');
    checkPorts(this, props.ports);
    checkDialled(this, props.ports);
    this.namespace = namespace;
    this.hosts = [...props.hosts];
    this.ports = [...props.ports];
    this.check(props);
    const metadata = { name: id, namespace };
    const exportTo = props.visibleTo ? [...props.visibleTo] : ['.'];
    const spec: ServiceEntry['spec'] = {
      hosts: [...this.hosts],
      exportTo,
      location: 'MESH_EXTERNAL',
      ports: namedPorts(this.ports).map(({ port, name }) => ({
        number: port.number,
        name,
        protocol: port.protocol.toUpperCase(),
        ...(port.targetPort !== port.number && { targetPort: port.targetPort }),
      })),
      resolution: resolutionOf(props),
      ...(props.addresses && { endpoints: props.addresses.map((address) => ({ address })) }),
    };
    new ApiObject(this, 'ServiceEntry', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata,
      spec,
    });
    const trafficPolicy = policyOf(props);
    if (!trafficPolicy) return;
    for (const [index, host] of this.hosts.entries()) {
      new ApiObject(this, `DestinationRule-${host.replace('*', 'any')}`, {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: { name: index === 0 ? id : `${id}-${index}`, namespace },
        spec: { host, exportTo, trafficPolicy },
      });
    }
  }

  private check({ hosts, ports, originateTls, addresses }: ExternalServiceProps): void {
    if (hosts.length === 0) {
      throw problemAt(this, {
        code: 'MAL0130',
        what: 'an external service is known by its names',
        got: 'none',
        allowed: 'at least one host name',
        fix: "add hosts: ['api.example.com']",
      });
    }
    if (ports.length === 0) {
      throw problemAt(this, {
        code: 'MAL0115',
        what: 'an external service has at least one port',
        got: 'none',
        allowed: 'ports: [Port.tls(443)]',
        fix: 'add the port that workloads call',
      });
    }
    const wild = hosts.find((host) => host.startsWith('*'));
    const readable = ports.find(({ protocol }) => protocol !== 'tls');
    if (wild && readable && !addresses) {
      throw problemAt(this, {
        code: 'MAL0131',
        what: 'a wildcard has no address of its own, so only the server name of TLS says where a call is meant to go',
        got: `${wild} on port ${readable.number} (${readable.protocol})`,
        allowed: 'ports of Port.tls, or addresses',
        fix: 'name the hosts, or let workloads speak TLS themselves',
      });
    }
    if (originateTls && !ports.some(({ isHttp }) => isHttp)) {
      throw problemAt(this, {
        code: 'MAL0132',
        what: 'sidecars add TLS to requests that come to them in plain text',
        got: `ports ${ports.map(({ number, protocol }) => `${number} (${protocol})`).join(', ')}`,
        allowed: 'at least one port of Port.http, Port.http2 or Port.grpc',
        fix: 'Port.http(80, { targetPort: 443 }), or leave originateTls out',
      });
    }
  }
}

function resolutionOf({ hosts, addresses }: ExternalServiceProps): 'STATIC' | 'DNS' | 'NONE' {
  if (addresses) return 'STATIC';
  return hosts.some((host) => host.startsWith('*')) ? 'NONE' : 'DNS';
}

function policyOf({ resilience, loadBalancing, originateTls, ports, hosts }: ExternalServiceProps) {
  const shared = trafficPolicyOf(resilience ?? {}, loadBalancing);
  if (!originateTls) return shared;
  // The settings of a port take the place of all others.
  const portLevelSettings = ports
    .filter(({ isHttp }) => isHttp)
    .map(({ number }) => ({
      port: { number },
      ...shared,
      tls: { mode: 'SIMPLE' as const, ...(hosts.length === 1 && { sni: hosts[0], subjectAltNames: [hosts[0]!] }) },
    }));
  return { ...shared, portLevelSettings } satisfies TrafficPolicy;
}
