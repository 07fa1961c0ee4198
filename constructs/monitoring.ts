/** Who counts what happens. */
import type { OperatorOptions } from './observability/operator';
import type { PrometheusOptions } from './observability/prometheus';

/** What comes with the mesh for looking at it. */
export class Monitoring {
  /**
   * A Prometheus that scrapes every proxy and the control plane, with rules for alerts and for the objectives of services,
   * and a Grafana with the dashboards of the mesh.
   */
  static bundled(options: PrometheusOptions = {}): Monitoring {
    return new Monitoring(options, undefined);
  }

  /** Objects for the Prometheus operator and the Grafana that the cluster has: monitors, rules and dashboards. */
  static operator(options: OperatorOptions = {}): Monitoring {
    return new Monitoring(undefined, options);
  }

  /** Nothing is installed: sidecars and control plane still offer their metrics. */
  static none(): Monitoring {
    return new Monitoring(undefined, undefined);
  }

  private constructor(
    /** How Prometheus and Grafana are installed, where they are part of the manifests. */
    readonly bundle: PrometheusOptions | undefined,
    /** How what is there is attached. */
    readonly operator: OperatorOptions | undefined,
  ) {}
}
