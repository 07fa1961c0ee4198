/** Annotations whose meaning may still change. */

import type { Pod } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { join } from '../path';
import type { Analysis } from './analysis';
import { annotations } from './annotation-table';
import { ANNOTATED } from './annotations';

const NAME = 'maturity.AlphaAnalyzer';

/** What injection writes by itself where a node plugin redirects the traffic. */
const WRITTEN = new Set([
  'sidecar.istio.io/interceptionMode',
  'traffic.sidecar.istio.io/includeInboundPorts',
  'traffic.sidecar.istio.io/excludeInboundPorts',
  'traffic.sidecar.istio.io/includeOutboundIPRanges',
]);

export function alphaAnnotations(analysis: Analysis): Finding[] {
  return ANNOTATED.flatMap((kind) => analysis.of(kind).flatMap(judge));
}

function judge(object: KubeObject): Finding[] {
  const written = object.kind === 'Pod' && !hasInitContainer(object as Pod);
  return Object.keys(object.metadata.annotations ?? {}).flatMap((name) => {
    // The status is never written by a person.
    const skipped = name === 'sidecar.istio.io/status' || (written && WRITTEN.has(name));
    if (skipped || annotations.get(name)?.status !== 'alpha') {
      return [];
    }
    const message = `the annotation ${name} is of an alpha feature, whose meaning may change`;
    return [findingAbout(object, 'IST0136', NAME, { path: join('metadata.annotations', name), message })];
  });
}

function hasInitContainer(pod: Pod): boolean {
  return (pod.spec?.initContainers ?? []).some((container) => container.name === 'istio-init');
}
