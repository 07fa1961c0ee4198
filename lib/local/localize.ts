/** A bootstrap written for a cluster, changed so far that the same Envoy runs on this machine. */
import type { envoy } from '../envoy/generated/envoy';
import { controlPlaneService, provenCluster } from '../injector';

type Bootstrap = envoy.config.bootstrap.v3.Bootstrap;

export interface Localization {
  /** Where the control plane listens; stands for its name, because there is no cluster DNS. */
  controlPlane: { address: string; port: number };
  /** The folder with the proxy's token and the roots, by which it proves itself. Undefined where it has no identity. */
  identityDirectory?: string;
  /**
   * Explicit capture: the loopback address that stands for the pod's own 127.0.0.1, which all pods of this machine would
   * share. Undefined in a network namespace, where 127.0.0.1 is the pod's own.
   */
  appAddress?: string;
}

/** The same bootstrap with addresses of this machine; all the rest stays as the manifest says. */
export function localizeBootstrap(
  bootstrap: Bootstrap,
  { controlPlane, identityDirectory, appAddress }: Localization,
): Bootstrap {
  const copy = structuredClone(bootstrap);
  if (appAddress) {
    visitAddresses(copy, (address) => {
      if (address.address === '127.0.0.1') address.address = appAddress;
    });
    copy.node = {
      ...copy.node,
      metadata: { ...copy.node?.metadata, INTERCEPTION_MODE: 'NONE', MALHA_APP_ADDRESS: appAddress },
    };
  }
  withoutStandby(copy);
  const xds = copy.static_resources?.clusters?.find(({ name }) => name === 'xds-grpc');
  if (xds) {
    xds.type = 'STATIC';
    delete xds.dns_lookup_family;
    visitAddresses(xds, (address) => {
      address.address = controlPlane.address;
      address.port_value = controlPlane.port;
    });
  }
  if (identityDirectory) prove(copy, controlPlane.address, identityDirectory);
  return copy;
}

/** There is one control plane here, and it lives as long as the mesh. */
function withoutStandby({ dynamic_resources, static_resources }: Bootstrap): void {
  dynamic_resources?.ads_config?.grpc_services?.splice(1);
  if (static_resources?.clusters) {
    static_resources.clusters = static_resources.clusters.filter(({ name }) => name !== 'xds-standby');
  }
}

/** By a token, whatever the manifest says: nobody here makes a certificate for a volume. The authority knows the address, too. */
function prove({ dynamic_resources, static_resources }: Bootstrap, host: string, directory: string): void {
  if (dynamic_resources?.ads_config) dynamic_resources.ads_config.grpc_services = [controlPlaneService];
  if (!static_resources?.clusters) return;
  static_resources.clusters = static_resources.clusters.map((cluster) =>
    cluster.name === 'xds-grpc' ? provenCluster(cluster, 'sds', host, directory) : cluster,
  );
}

interface SocketAddress {
  address: string;
  port_value: number;
}

function visitAddresses(value: unknown, visit: (address: SocketAddress) => void): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (key === 'socket_address') visit(child as SocketAddress);
    else visitAddresses(child, visit);
  }
}
