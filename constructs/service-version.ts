/** References to services and their versions: what routes point at, instead of names in strings. */
import type { IConstruct } from 'constructs';
import type { HTTPRouteDestination } from '../lib/api';
import type { Port } from './port';

/** Where a route can send requests: a service, or one version of it. */
export interface IRouteTarget {
  /** The service that is meant, whichever version. */
  readonly service: IMeshService;
  /** The version that is meant; undefined is all of them. */
  readonly versionName?: string;
}

/** A service of the mesh, declared by this program or by another one. */
export interface IMeshService extends IConstruct, IRouteTarget {
  /** The Service's name. */
  readonly name: string;
  /** The namespace of the Service and its Pods. */
  readonly namespace: string;
  /** The name by which every workload reaches it: `reviews.shop.svc.cluster.local`. */
  readonly host: string;
  /** Its ports, in the order in which they were declared. */
  readonly ports: readonly Port[];
  /** The labels that all Pods of the service carry, and no others. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** The names of its versions. */
  readonly versionNames: readonly string[];
  /**
   * One of its versions, to route to.
   * @throws when the service has no such version; the error lists those it has.
   */
  version(name: string): ServiceVersion;
}

/** One version of a service, made by `service.version('v2')`. */
export class ServiceVersion implements IRouteTarget {
  constructor(
    /** The service that it is a version of. */
    readonly service: IMeshService,
    /** Its name: the subset of the DestinationRule, and the Pods' label `version`. */
    readonly versionName: string,
  ) {}

  /** How errors and tests call it: `shop/reviews version v2`. */
  toString(): string {
    return `${this.service.node.path} version ${this.versionName}`;
  }
}

/**
 * The destination that stands for a target. Requests keep the port that they came to where the target is the service
 * itself; another service is called on its first HTTP port.
 * @internal
 */
export function destinationOf(target: IRouteTarget, port?: Port): HTTPRouteDestination {
  const { service, versionName } = target;
  const { number } = port ?? service.ports.find(({ isHttp }) => isHttp) ?? service.ports[0]!;
  return {
    destination: {
      host: service.host,
      ...(versionName !== undefined && { subset: versionName }),
      port: { number },
    },
  };
}
