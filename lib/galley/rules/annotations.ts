/** Annotations of the mesh that change what an object means. */
import type { KubeObject } from '../../api/object';
import { shown } from '../schema-check';
import type { Check } from './check';

const DRY_RUN = 'istio.io/dry-run';

/** Only an AuthorizationPolicy that allows or denies can be tried out first. */
export function checkAnnotations(object: KubeObject, check: Check): void {
  const value = object.metadata.annotations?.[DRY_RUN];
  if (value === undefined || !object.apiVersion.startsWith('security.istio.io/')) {
    return;
  }
  const at = check.at('annotations', DRY_RUN);
  const { action = 'ALLOW' } = (object.spec ?? {}) as { action?: string };
  if (object.kind !== 'AuthorizationPolicy') {
    at.error(`the annotation ${DRY_RUN} is only for AuthorizationPolicy`, 'remove the annotation');
  } else if (!/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value)) {
    at.error(`expected true or false, got ${shown(value)}`);
  } else if (action !== 'ALLOW' && action !== 'DENY') {
    at.error(`the annotation ${DRY_RUN} is only for the actions ALLOW and DENY, got ${action}`);
  }
}
