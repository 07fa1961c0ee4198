/** What of a service takes plain traffic, written as one PeerAuthentication of its Pods. */
import { ApiObject, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { MtlsMode } from './identity';
import type { IMeshService } from './service-version';

const API_VERSION = 'security.istio.io/v1';

/** For a namespace; in the root namespace, for the mesh. */
export function namespaceMtls(scope: Construct, id: string, namespace: string, { mode }: MtlsMode): void {
  new ApiObject(scope, id, {
    apiVersion: API_VERSION,
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace },
    spec: { mtls: { mode } },
  });
}

/** Made with the first exception of a service. */
export class ServiceMtls extends Construct {
  private readonly ports = new Map<number, MtlsMode>();

  /** @param mode of the whole workload. Default: as its namespace says. */
  constructor(service: IMeshService & Construct, mode?: MtlsMode) {
    super(service, 'Mtls');
    const { name, namespace, podLabels } = service;
    new ApiObject(this, 'PeerAuthentication', {
      apiVersion: API_VERSION,
      kind: 'PeerAuthentication',
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: podLabels },
        mtls: mode && { mode: mode.mode },
        portLevelMtls: Lazy.any({ produce: () => this.portLevel() }),
      },
    });
  }

  /** Lets plain traffic in on one port of the workload. */
  open(port: number): void {
    this.ports.set(port, MtlsMode.permissive());
  }

  private portLevel(): Record<string, { mode: string }> | undefined {
    if (this.ports.size === 0) return undefined;
    return Object.fromEntries([...this.ports].map(([port, { mode }]) => [String(port), { mode }]));
  }
}
