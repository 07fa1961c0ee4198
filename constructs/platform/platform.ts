/** Where the mesh runs. Kubernetes is the rule; what another platform does otherwise is in its own file. */
import { type EksOptions, eks } from './eks';
import type { PlatformInMesh, PlatformPlace } from './in-mesh';
import { type OpenShiftOptions, openShift } from './openshift';

/** The platform that the manifests are written for. */
export class Platform {
  /** Kubernetes as it comes. */
  static kubernetes(): Platform {
    return new Platform(() => ({}));
  }

  /**
   * OpenShift: a SecurityContextConstraints object for the workloads whose traffic is redirected, no users of its own for
   * anything else, and Routes for gateways if they are asked for.
   * @throws when a range of users cannot be read.
   */
  static openshift(options: OpenShiftOptions = {}): Platform {
    return new Platform(openShift(options));
  }

  /**
   * Amazon EKS: gateways behind Network Load Balancers and spread over zones, AWS roles and security groups of workloads, and
   * Fargate, where nothing can be redirected.
   * @throws when a role or a security group is none.
   */
  static eks(options: EksOptions = {}): Platform {
    return new Platform(eks(options));
  }

  private constructor(
    /** What it does in one mesh. @internal */
    readonly inMesh: (place: PlatformPlace) => PlatformInMesh,
  ) {}
}
