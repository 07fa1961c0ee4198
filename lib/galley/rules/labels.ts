/** Labels and what selects by them. */
import type { NetworkingWorkloadSelector, PolicyTargetReference, WorkloadSelector } from '../../api/selector';
import { shown } from '../schema-check';
import type { Check } from './check';

const NAME = /^[a-zA-Z0-9](?:[-_.a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Keys and values as Kubernetes defines them. */
export function checkLabels(labels: Record<string, string> | undefined, check: Check): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    const slash = key.indexOf('/');
    const name = key.slice(slash + 1);
    if (name.length > 63 || !NAME.test(name) || (slash >= 0 && (slash > 253 || !PREFIX.test(key.slice(0, slash))))) {
      check
        .at(key)
        .error(`the key of a label is made of letters, digits, dashes, dots and underscores, got ${shown(key)}`);
    }
    if (value !== '' && (value.length > 63 || !NAME.test(value))) {
      check
        .at(key)
        .error(`the value of a label is made of letters, digits, dashes, dots and underscores, got ${shown(value)}`);
    }
  }
}

function checkSelectorLabels(labels: Record<string, string> | undefined, field: string, check: Check): void {
  const entries = Object.entries(labels ?? {});
  if (entries.length === 0) {
    check.warning('a selector without labels selects every workload', 'leave the selector out, or add labels');
  }
  for (const [key, value] of entries) {
    if (key === '') {
      check.at(field, key).error('a selector has no empty keys');
    } else if (key.includes('*') || value.includes('*')) {
      check.at(field, key).error(`a selector has no wildcards, got ${shown(`${key}=${value}`)}`);
    }
  }
}

export function checkSelector(selector: WorkloadSelector | undefined, check: Check): void {
  if (selector) {
    checkSelectorLabels(selector.matchLabels, 'matchLabels', check);
  }
}

export function checkNetworkingSelector(selector: NetworkingWorkloadSelector | undefined, check: Check): void {
  if (selector) {
    checkSelectorLabels(selector.labels, 'labels', check);
  }
}

const TARGETS = [
  '/Service',
  'networking.istio.io/ServiceEntry',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
];

interface Targeted {
  targetRef?: PolicyTargetReference;
  targetRefs?: PolicyTargetReference[];
}

export function checkTargets(spec: Targeted, check: Check): void {
  if (spec.targetRef) {
    checkTarget(spec.targetRef, check.at('targetRef'));
  }
  check.at('targetRefs').each(spec.targetRefs, checkTarget);
}

function checkTarget(target: PolicyTargetReference, check: Check): void {
  const group = target.group === 'core' ? '' : (target.group ?? '');
  if (!TARGETS.includes(`${group}/${target.kind}`)) {
    const allowed = TARGETS.map((name) => name.replace(/^\//, '')).join(', ');
    check.error(`a policy holds for one of ${allowed}, got ${shown(`${group}/${target.kind}`.replace(/^\//, ''))}`);
  }
}
