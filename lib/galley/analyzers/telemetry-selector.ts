/** Each workload has one Telemetry at most beside the namespace's and the mesh's, and each Telemetry has workloads. */
import { Telemetry } from '../../api/telemetry/telemetry';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { conflicts, type Selecting, selections, selectsNothing, wholeNamespaceConflicts } from './selected-workloads';

const SELECTING: Selecting<Telemetry> = {
  analyzer: 'telemetry.SelectorAnalyzer',
  labelsOf: ({ spec }) => spec?.selector?.matchLabels,
  path: 'spec.selector',
};

export function telemetrySelector(analysis: Analysis): Finding[] {
  const { byWorkload, empty } = selections(analysis, analysis.of<Telemetry>(Telemetry), SELECTING);
  const findings = empty.map((telemetry) => selectsNothing(telemetry, SELECTING));
  for (const [workload, telemetries] of byWorkload) {
    if (telemetries.length > 1) {
      findings.push(...conflicts(workload, telemetries, 'IST0159', SELECTING));
    }
  }
  return findings;
}

/** One Telemetry of a namespace at most holds for all of it. */
export function defaultTelemetry(analysis: Analysis): Finding[] {
  const whole = analysis
    .of<Telemetry>(Telemetry)
    .filter(({ spec }) => !spec?.selector && !spec?.targetRef && !spec?.targetRefs?.length);
  return wholeNamespaceConflicts(whole, 'IST0160', 'telemetry.DefaultSelectorAnalyzer');
}
