/** The rules of DestinationRule. */
import type { DestinationRuleSpec } from '../../api/networking/destination-rule';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkHost, isLabel } from './host';
import { checkLabels, checkSelector } from './labels';
import { checkTrafficPolicy } from './traffic-policy';
import { checkExportTo } from './visibility';

export function checkDestinationRule(spec: DestinationRuleSpec, check: Check, namespace: string): void {
  checkHost(spec.host, check.at('host'));
  checkTrafficPolicy(spec.trafficPolicy, check.at('trafficPolicy'));
  const names = new Set<string>();
  check.at('subsets').each(spec.subsets, (subset, at) => {
    if (subset.name === '') {
      at.at('name').error('the name of a subset must not be empty');
    } else if (!isLabel(subset.name)) {
      at.at('name').error(`the name of a subset is made of letters, digits and dashes, got ${shown(subset.name)}`);
    }
    if (names.has(subset.name)) {
      at.at('name').warning(
        `the subset ${shown(subset.name)} stands twice; only the first is used`,
        'rename or remove one of the two',
      );
    }
    names.add(subset.name);
    checkLabels(subset.labels, at.at('labels'));
    checkTrafficPolicy(subset.trafficPolicy, at.at('trafficPolicy'));
  });
  checkExportTo(spec.exportTo, namespace, check.at('exportTo'));
  if (spec.workloadSelector && (spec.exportTo ?? []).some((to) => to !== '.' && to !== namespace)) {
    check
      .at('exportTo')
      .error('a rule for some workloads holds in their namespace only', 'leave exportTo out, or write "."');
  }
  checkSelector(spec.workloadSelector, check.at('workloadSelector'));
}
