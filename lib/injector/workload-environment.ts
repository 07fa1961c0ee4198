/**
 * What a proxy knows of its own workload, as variables of its environment: the labels of metrics are read from it, so
 * that proxies of different workloads can share one configuration.
 */
import { canonicalRevision, canonicalService, packedValues } from '../world';

export interface WorkloadFacts {
  /** The workload's name: the Deployment's, the Pod's where there is no controller. */
  readonly workload: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** `MALHA_PEER` is what the proxy tells servers about its workload: the values of the group `peer` of packed labels. */
export function workloadEnvironment({ workload, labels }: WorkloadFacts): { name: string; value: string }[] {
  const { app = '', version = '' } = labels;
  const service = canonicalService(labels, workload);
  const revision = canonicalRevision(labels);
  return Object.entries({
    MALHA_WORKLOAD: workload,
    MALHA_APP: app,
    MALHA_VERSION: version,
    MALHA_CANONICAL_SERVICE: service,
    MALHA_CANONICAL_REVISION: revision,
    MALHA_PEER: packedValues([workload, app, version, service, revision]),
  }).map(([name, value]) => ({ name, value }));
}
