/** What a platform may do otherwise than Kubernetes. What it leaves out is as everywhere. */
import type { Chart } from 'cdk8s';
import type { Deployment, Service, ServiceAccount } from 'cdk8s-plus-27';
import type { Gateway } from '../gateway';
import type { MeshService } from '../mesh-service';

export interface PlatformPlace {
  /** The system namespace. */
  readonly namespace: string;
  /** Where what holds for all members is written. */
  readonly policy: Chart;
}

export interface PlatformInMesh {
  /** Pods get their users from the platform, unless redirection has to know one. Default: not. */
  readonly assignedUsers?: boolean;
  /** The type of gateways' Services that say none. Default: `LoadBalancer`. */
  readonly gatewayServiceType?: 'ClusterIP';
  /** The user and group of redirected sidecars of a namespace. Default: 1337. */
  proxyId?(namespace: string): number | undefined;
  /** Why no traffic can be redirected in a namespace, or in none when it is not named. Default: it can be. */
  whyNotRedirected?(namespace?: string): string | undefined;
  /** Called when all of the control plane and its company is declared. */
  system?(chart: Chart): void;
  service?(service: MeshService<string>, account: ServiceAccount): void;
  gateway?(gateway: Gateway, parts: GatewayParts): void;
}

export interface GatewayParts {
  readonly deployment: Deployment;
  readonly service: Service;
  readonly account: ServiceAccount;
  /** Whether it serves HTTPS. */
  readonly isTls: boolean;
}
