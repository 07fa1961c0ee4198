/** The DestinationRules of one host and namespace are merged; where they disagree, only the oldest is heard. */
import { DestinationRule } from '../../api/networking/destination-rule';
import { objectName } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { fullName, namespaceOf, visibility } from './names';

const NAME = 'destinationrule.ConflictingRulesAnalyzer';

export function conflictingDestinationRules(analysis: Analysis): Finding[] {
  const byHost = new Map<string, DestinationRule[]>();
  for (const rule of analysis.of<DestinationRule>(DestinationRule)) {
    const namespace = namespaceOf(rule);
    const scope = [...visibility(rule.spec.exportTo, namespace)].sort().join(',');
    const selector = JSON.stringify(Object.entries(rule.spec.workloadSelector?.matchLabels ?? {}).sort());
    const key = [namespace, fullName(rule.spec.host, namespace), scope, selector].join('|');
    byHost.set(key, [...(byHost.get(key) ?? []), rule]);
  }
  return [...byHost.values()].filter((rules) => rules.length > 1).flatMap(conflictsAmong);
}

function conflictsAmong(rules: readonly DestinationRule[]): Finding[] {
  const sorted = [...rules].sort((a, b) => (ageKey(a) < ageKey(b) ? -1 : 1));
  const subsets = new Map<string, DestinationRule>();
  const findings: Finding[] = [];
  let policy: DestinationRule | undefined;
  for (const rule of sorted) {
    if (rule.spec.trafficPolicy && policy) {
      findings.push(...conflict(rule, 'spec.trafficPolicy', 'the traffic policy', policy, 'spec.trafficPolicy'));
    }
    policy ??= rule.spec.trafficPolicy ? rule : undefined;
    for (const [index, { name }] of (rule.spec.subsets ?? []).entries()) {
      const first = subsets.get(name);
      if (first && first !== rule) {
        const place = first.spec.subsets!.findIndex((subset) => subset.name === name);
        const what = `the subset ${name}`;
        findings.push(...conflict(rule, `spec.subsets[${index}]`, what, first, `spec.subsets[${place}]`));
      }
      subsets.set(name, first ?? rule);
    }
  }
  return findings;
}

/** The oldest first; by name where the age is the same or not known. */
function ageKey(rule: DestinationRule): string {
  return `${rule.metadata.creationTimestamp ?? ''}/${rule.metadata.name}`;
}

/** Told to both, as either may be the mistake. */
function conflict(
  rule: DestinationRule,
  path: string,
  what: string,
  by: DestinationRule,
  pathThere: string,
): Finding[] {
  const message = `${what} of ${rule.spec.host} is already given by ${objectName(by)}, which is used`;
  const other = `${what} of ${rule.spec.host} is given by ${objectName(rule)} too, which is not used`;
  return [
    findingAbout(rule, 'MAL0002', NAME, { path, message }),
    findingAbout(by, 'MAL0002', NAME, { path: pathThere, message: other }),
  ];
}
