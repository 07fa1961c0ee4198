/** Annotations of the mesh are known ones, on the kinds that they are for, with values that they take. */

import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { nearest } from '../nearest';
import { join } from '../path';
import { shown } from '../schema-check';
import type { Analysis } from './analysis';
import { annotations, isOfMesh } from './annotation-table';

const NAME = 'annotations.K8sAnalyzer';

/** The kinds whose annotations are looked at. */
export const ANNOTATED = ['/Namespace', '/Service', '/Pod', 'apps/Deployment'];

export function misplacedAnnotations(analysis: Analysis): Finding[] {
  return ANNOTATED.flatMap((kind) =>
    analysis.allOf(kind).flatMap((object) => (analysis.isAssumed(object) ? [] : judge(object))),
  );
}

function judge(object: KubeObject): Finding[] {
  const findings: Finding[] = [];
  for (const [name, value] of Object.entries(object.metadata.annotations ?? {})) {
    if (!isOfMesh(name)) {
      continue;
    }
    const path = join('metadata.annotations', name);
    const entry = annotations.get(name);
    if (!entry) {
      const near = nearest(name, [...annotations.keys()]);
      const message = `unknown annotation ${shown(name)}${near ? `, did you mean ${near}?` : ''}`;
      findings.push(
        findingAbout(object, 'IST0108', NAME, { path, message, ...(near ? { fix: `write ${near}` } : {}) }),
      );
      continue;
    }
    const replaced = name === 'sidecar.istio.io/inject' && object.metadata.labels?.[name] !== undefined;
    if (entry.deprecated && !replaced) {
      const message = `the annotation ${name} is deprecated`;
      findings.push(findingAbout(object, 'IST0135', NAME, { path, message, fix: entry.deprecated }));
    }
    if (entry.on.includes('Any')) {
      continue;
    }
    const problem = entry.problemOf?.(value);
    if (!entry.on.includes(object.kind)) {
      const message = `the annotation ${name} is for ${entry.on.join(', ')}, got ${object.kind}`;
      const fix =
        object.kind === 'Deployment' && entry.on.includes('Pod') ? 'move it to spec.template.metadata' : undefined;
      findings.push(findingAbout(object, 'IST0107', NAME, { path, message, ...(fix ? { fix } : {}) }));
    } else if (problem) {
      findings.push(findingAbout(object, 'IST0125', NAME, { path, message: `${problem}, got ${shown(value)}` }));
    }
  }
  return findings;
}
