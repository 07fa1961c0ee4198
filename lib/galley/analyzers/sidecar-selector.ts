/** Each workload has one Sidecar at most, and each Sidecar has workloads. */
import { Sidecar } from '../../api/networking/sidecar';
import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { namespaceOf } from './names';
import { conflicts, type Selecting, selections, selectsNothing, wholeNamespaceConflicts } from './selected-workloads';
import { isAmbient } from './workloads';

const SELECTING: Selecting<Sidecar> = {
  analyzer: 'sidecar.SelectorAnalyzer',
  labelsOf: ({ spec }) => spec?.workloadSelector?.labels,
  path: 'spec.workloadSelector',
};

export function sidecarSelector(analysis: Analysis): Finding[] {
  const { byWorkload, without, empty } = selections(analysis, analysis.of<Sidecar>(Sidecar), SELECTING);
  const findings = empty.map((sidecar) => selectsNothing(sidecar, SELECTING));
  const idle = new Set<Sidecar>();
  for (const [workload, sidecars] of byWorkload) {
    if (isAmbient(workload)) {
      for (const sidecar of sidecars) {
        idle.add(sidecar);
      }
    } else if (sidecars.length > 1) {
      findings.push(...conflicts(workload, sidecars, 'IST0110', SELECTING));
    }
  }
  const ambient = without.filter((sidecar) => isAmbientNamespace(analysis.namespaces.get(namespaceOf(sidecar))));
  return [
    ...findings,
    ...[...idle].map((sidecar) => ineffective(sidecar, 'a workload that it selects has no sidecar')),
    ...ambient.map((sidecar) => ineffective(sidecar, 'the workloads of its namespace have no sidecars')),
    ...wholeNamespaceConflicts(
      without.filter((sidecar) => !ambient.includes(sidecar)),
      'IST0111',
      SELECTING.analyzer,
    ),
  ];
}

function isAmbientNamespace(namespace: KubeObject | undefined): boolean {
  const labels = namespace?.metadata.labels ?? {};
  return (
    labels['istio-injection'] !== 'enabled' &&
    !labels['istio.io/rev'] &&
    labels['istio.io/dataplane-mode'] === 'ambient'
  );
}

function ineffective(sidecar: Sidecar, reason: string): Finding {
  const message = `the Sidecar has no effect, as ${reason}: they are in ambient mode`;
  return findingAbout(sidecar, 'IST0167', SELECTING.analyzer, { path: 'spec', message });
}
