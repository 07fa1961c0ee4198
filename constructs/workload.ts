/** What runs: a workload that we make from an image, or one that the program already has. */
import type { ApiObjectMetadataDefinition, Size } from 'cdk8s';
import type { IConstruct } from 'constructs';
import type { Duration } from './units';

/**
 * A workload that the program already has: a Deployment, StatefulSet or DaemonSet of any version of cdk8s-plus, or an
 * ApiObject of such a kind. Described by its shape, because classes of two versions are strangers to TypeScript.
 */
export interface IWorkload extends IConstruct {
  /** `Deployment`, `StatefulSet` or `DaemonSet`. */
  readonly kind: string;
  /** The name of the object. */
  readonly name: string;
  /** Its namespace; undefined is the chart's. */
  readonly metadata: Pick<ApiObjectMetadataDefinition, 'namespace'>;
}

/** How a workload that we make differs from the defaults. */
export interface ImageOptions {
  /** Pods. Default: 2, so that one may go away. */
  readonly replicas?: number;
  /** Replaces the image's entry point. */
  readonly command?: readonly string[];
  /** Replaces the image's arguments. */
  readonly args?: readonly string[];
  /** Environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** The user id to run as. Default: the image's, which must not be root. */
  readonly user?: number;
  /** Folders that the program writes to; everything else is read-only. */
  readonly writablePaths?: readonly string[];
  /** CPU to reserve, in thousandths of a core. Default: 100. */
  readonly cpuMillis?: number;
  /** Memory to reserve and its limit. Default: 128 MiB reserved, 512 MiB at most. */
  readonly memory?: { readonly request?: Size; readonly limit?: Size };
  /**
   * The HTTP path, on the first port, that says that the program is ready. Default: a Pod is ready when its sidecar is.
   * A probe of the port alone would ask the sidecar, which always accepts.
   */
  readonly readyPath?: string;
  /** How long the program may take to finish its requests when told to stop. Default: 30 s. */
  readonly stopWithin?: Duration;
  /**
   * The command that stands for this workload when the mesh runs on one machine (`malha up`), or `none` when nothing
   * should. `$(POD_IP)`, `$(POD_NAME)`, `$(APP_ADDRESS)` and `$(MALHA)` are filled in. Default: an echo service.
   */
  readonly runLocally?: string;
}

/** A workload for us to make. */
export class Workload {
  /** A Deployment of this image, with one ServiceAccount, restricted, in the mesh. */
  static image(image: string, options: ImageOptions = {}): Workload {
    if (image.trim() === '')
      throw new Error("Workload.image: got an empty image; allowed: a reference such as 'shop/reviews:2.0'");
    return new Workload(image, options);
  }

  private constructor(
    /** The image to run. */
    readonly image: string,
    /** What was said beyond the image. */
    readonly options: ImageOptions,
  ) {}
}

/** The kinds that make Pods which serve. */
export const WORKLOAD_KINDS: readonly string[] = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** The annotation on a Pod template that says how the workload runs on one machine. */
export const RUN_ANNOTATION = 'malha.dev/run';
