/** For each scope one PeerAuthentication holds; of several with the same, the oldest (PeerAuthentication reference). */
import { objectName } from '../../api/object';
import { PeerAuthentication } from '../../api/security/peer-authentication';
import { oldestFirst } from '../../world/age';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { selectorText } from './label-selector';
import { namespaceOf } from './names';

const NAME = 'peerauthentication.ConflictingPoliciesAnalyzer';

export function conflictingPeerAuthentications(analysis: Analysis): Finding[] {
  const byScope = new Map<string, PeerAuthentication[]>();
  for (const policy of analysis.of<PeerAuthentication>(PeerAuthentication)) {
    const key = `${namespaceOf(policy)}|${selectorText(policy.spec?.selector?.matchLabels)}`;
    byScope.set(key, [...(byScope.get(key) ?? []), policy]);
  }
  return [...byScope.values()].flatMap((policies) => {
    if (policies.length < 2) return [];
    const [first, ...others] = [...policies].sort(oldestFirst);
    const labels = first!.spec?.selector?.matchLabels;
    const path = labels ? 'spec.selector' : 'metadata.namespace';
    const scope = labels
      ? `the workloads with ${selectorText(labels)}`
      : `the whole of namespace ${namespaceOf(first!)}`;
    const names = others.slice(0, 8).map(objectName).join(', ');
    return [
      findingAbout(first!, 'MAL0008', NAME, {
        path,
        message: `${names} is for ${scope} too; this one, the oldest, is used`,
      }),
      ...others.map((policy) =>
        findingAbout(policy, 'MAL0008', NAME, {
          path,
          message: `${objectName(first!)} is for ${scope} too, and older; this one is not used`,
        }),
      ),
    ];
  });
}
