/** Namespaces say clearly whether their Pods get a sidecar, and Pods that should have one have it. */
import type { ConfigMap } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { isNamespaceEnabledByDefault } from './injector-values';
import { SYSTEM_NAMESPACES } from './names';
import { containersOf, type KnownWorkload, PROXY_CONTAINER } from './workloads';

const NAME = 'injection.Analyzer';
const INJECTION = 'istio-injection';
const REVISION = 'istio.io/rev';
const MODE = 'istio.io/dataplane-mode';

export function injection(analysis: Analysis): Finding[] {
  const injectors = new Map(analysis.of<ConfigMap>('/ConfigMap').map((map) => [map.metadata.name, map]));
  const findings: Finding[] = [];
  for (const namespace of analysis.of('/Namespace')) {
    const { name } = namespace.metadata;
    if (name !== analysis.rootNamespace && name !== 'istio-system' && !SYSTEM_NAMESPACES.has(name)) {
      findings.push(...judgeNamespace(namespace, injectors));
    }
  }
  return [...findings, ...analysis.workloads.all.flatMap((workload) => judgePod(analysis, workload))];
}

function judgeNamespace(namespace: KubeObject, injectors: ReadonlyMap<string, ConfigMap>): Finding[] {
  const labels = namespace.metadata.labels ?? {};
  const path = 'metadata.labels';
  const deliberate = labels[INJECTION] !== undefined && labels[INJECTION] !== 'enabled';
  const given = [INJECTION, REVISION, MODE].filter(
    (label) => labels[label] !== undefined && (label === INJECTION || !deliberate),
  );
  if (given.length > 1) {
    const texts = given.map((label) => `${label}=${labels[label]}`).join(', ');
    const message = `the labels ${texts} each say how Pods get into the mesh`;
    return [findingAbout(namespace, 'IST0123', NAME, { path, message })];
  }
  if (labels[MODE] === 'ambient' || labels[INJECTION] || labels[REVISION] !== undefined) {
    return [];
  }
  if (isNamespaceEnabledByDefault(injectors.get('istio-sidecar-injector'))) {
    const message = 'Pods get a sidecar, as the injector takes namespaces without a label';
    return [findingAbout(namespace, 'IST0148', NAME, { path, message })];
  }
  const message = `Pods get no sidecar, as the namespace ${namespace.metadata.name} has no label ${INJECTION}`;
  return [findingAbout(namespace, 'IST0102', NAME, { path, message })];
}

function judgePod(
  analysis: Analysis,
  { object, isPod, namespace, labels, annotations, spec }: KnownWorkload,
): Finding[] {
  const of = analysis.namespaces.get(namespace)?.metadata.labels ?? {};
  const isInjected = of[INJECTION] === undefined ? of[REVISION] !== undefined : of[INJECTION] === 'enabled';
  if (!isPod || !isInjected || of[MODE] === 'ambient' || namespace === analysis.rootNamespace) {
    return [];
  }
  const own = labels['sidecar.istio.io/inject'] ?? annotations['sidecar.istio.io/inject'];
  const proxy = containersOf(spec).find((container) => container.name === PROXY_CONTAINER);
  if (own?.toLowerCase() === 'false' || spec.hostNetwork || proxy?.image || SYSTEM_NAMESPACES.has(namespace)) {
    return [];
  }
  const message = `the Pod has no sidecar, although the labels of the namespace ${namespace} ask for one`;
  return [findingAbout(object, 'IST0103', NAME, { path: 'spec.containers', message })];
}
