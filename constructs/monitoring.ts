/** Who counts what happens. */

/** What comes with the mesh for looking at it. */
export class Monitoring {
  /** A Prometheus that scrapes every proxy and the control plane, and a Grafana with a dashboard of the mesh. */
  static bundled(): Monitoring {
    return new Monitoring(true);
  }

  /** Nothing is installed: sidecars and control plane still offer their metrics. */
  static none(): Monitoring {
    return new Monitoring(false);
  }

  private constructor(
    /** Whether Prometheus and Grafana are part of the manifests. */
    readonly installed: boolean,
  ) {}
}
