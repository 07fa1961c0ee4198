/** AuthorizationPolicies hold for workloads that there are, and name namespaces that there are. */
import { AuthorizationPolicy } from '../../api/security/authorization-policy';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { nearest } from '../nearest';
import { shown } from '../schema-check';
import type { Analysis } from './analysis';
import { type Labels, selectorText } from './label-selector';
import { namespaceOf } from './names';
import { isAmbient } from './workloads';

const NAME = 'authz.AuthorizationPoliciesAnalyzer';

export function authorizationPolicies(analysis: Analysis): Finding[] {
  const namespaces = [...analysis.namespaces.keys()];
  return analysis
    .of<AuthorizationPolicy>(AuthorizationPolicy)
    .flatMap((policy) => [...withoutWorkloads(analysis, policy), ...withoutNamespaces(policy, namespaces)]);
}

function withoutWorkloads(analysis: Analysis, policy: AuthorizationPolicy): Finding[] {
  const namespace = namespaceOf(policy);
  const selector = policy.spec?.selector;
  const forMesh = namespace === analysis.rootNamespace;
  if ((forMesh && !selector) || policy.spec?.targetRef || policy.spec?.targetRefs?.length) {
    return [];
  }
  if (holdsForSome(analysis, selector?.matchLabels, forMesh ? undefined : namespace)) {
    return [];
  }
  const labels = selectorText(selector?.matchLabels);
  const where = forMesh ? 'in the mesh' : `of namespace ${namespace} in the mesh`;
  const message = `no workload ${where} ${labels ? `carries the labels ${labels}` : 'is known'}`;
  return [findingAbout(policy, 'IST0127', NAME, { path: selector ? 'spec.selector' : 'metadata.namespace', message })];
}

function holdsForSome(analysis: Analysis, labels: Labels | undefined, namespace: string | undefined): boolean {
  return analysis.workloads
    .matching(labels, namespace)
    .some((workload) => analysis.isInMesh(workload) || isAmbient(workload));
}

function withoutNamespaces(policy: AuthorizationPolicy, known: readonly string[]): Finding[] {
  const findings: Finding[] = [];
  for (const [rule, { from }] of (policy.spec?.rules ?? []).entries()) {
    for (const [index, { source }] of (from ?? []).entries()) {
      for (const field of ['namespaces', 'notNamespaces'] as const) {
        for (const [place, text] of (source?.[field] ?? []).entries()) {
          if (!known.some((name) => isMeant(name, text))) {
            const near = nearest(text, known);
            const path = `spec.rules[${rule}].from[${index}].source.${field}[${place}]`;
            const message = `there is no namespace ${shown(text)}${near ? `, did you mean ${near}?` : ''}`;
            const fix = near ? `write ${near}` : 'correct the name, or add the Namespace';
            findings.push(findingAbout(policy, 'IST0101', NAME, { path, message, fix }));
          }
        }
      }
    }
  }
  return findings;
}

/** `*`, a beginning, an end, or a name in any case. */
function isMeant(namespace: string, text: string): boolean {
  if (text.startsWith('*')) {
    return namespace.endsWith(text.slice(1));
  }
  return text.endsWith('*') ? namespace.startsWith(text.slice(0, -1)) : namespace.toLowerCase() === text.toLowerCase();
}
