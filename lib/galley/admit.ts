/**
 * The door to the World. Only objects without errors enter; where the newer generation of an object has errors, the last
 * one that had none stays in force. Objects that say the same as before are the same values as before, so that whatever
 * was computed from them still holds.
 */
import { sameValue } from '../api/equality';
import { type KubeObject, objectKey } from '../api/object';
import { originOf, withOrigin } from '../api/origin';
import type { Finding } from './finding';
import { isNamed, isValid, validate } from './validate';

export interface Admission {
  /** What is in force now, in the order of `objects`. */
  admitted: KubeObject[];
  /** Everything that was found, warnings too. */
  findings: Finding[];
  /** Of objects that say the same as an earlier value, which is in force in their place: that value. */
  standsFor: ReadonlyMap<KubeObject, KubeObject>;
}

/** Judges `objects`, of which `previous` were in force before. An object that is not in `objects` any more is gone. */
export function admit(previous: readonly KubeObject[], objects: readonly KubeObject[]): Admission {
  const before = new Map(previous.map((object) => [objectKey(object), object]));
  const admitted: KubeObject[] = [];
  const findings: Finding[] = [];
  const standsFor = new Map<KubeObject, KubeObject>();
  for (const object of objects) {
    const remarks = validate(object);
    if (isValid(object)) {
      const earlier = before.get(objectKey(object));
      const value = earlier ? unchanged(earlier, object) : object;
      if (value !== object) standsFor.set(object, value);
      admitted.push(value);
      findings.push(...remarks);
      continue;
    }
    const last = isNamed(object) ? before.get(objectKey(object)) : undefined;
    if (last) {
      admitted.push(last);
    }
    findings.push(...remarks.map((finding) => (last ? withLastInForce(finding) : finding)));
  }
  return { admitted, findings, standsFor };
}

function withLastInForce(finding: Finding): Finding {
  const fix = finding.fix ? `${finding.fix}; ` : '';
  return finding.level === 'error'
    ? { ...finding, fix: `${fix}until then the last good version stays in force` }
    : finding;
}

/** The earlier value where both say the same, with the place of the newer one. */
function unchanged(earlier: KubeObject, object: KubeObject): KubeObject {
  if (earlier === object || !sameValue(earlier, object)) {
    return object;
  }
  const origin = originOf(object);
  return origin ? withOrigin(earlier, origin) : earlier;
}
