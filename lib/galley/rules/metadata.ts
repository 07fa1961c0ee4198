/** Names, and annotations of the mesh that change what an object means. */
import { Gateway } from '../../api/networking/gateway';
import { groupOf, type KubeObject } from '../../api/object';
import { shown } from '../schema-check';
import type { Check } from './check';
import { isLabel } from './host';

const DRY_RUN = 'istio.io/dry-run';
/** With it, installations try out whether a webhook is asked. */
const REJECT = 'internal.istio.io/webhook-always-reject';

export function checkMetadata(object: KubeObject, check: Check): void {
  if (object.kind === Gateway.kind && groupOf(object) === Gateway.group && !isLabel(object.metadata.name)) {
    check
      .at('name')
      .error(`the name of a Gateway is made of letters, digits and dashes, got ${shown(object.metadata.name)}`);
  }
  checkAnnotations(object, check);
}

/** Only an AuthorizationPolicy that allows or denies can be tried out first. */
function checkAnnotations(object: KubeObject, check: Check): void {
  const value = object.metadata.annotations?.[DRY_RUN];
  if (object.metadata.annotations?.[REJECT] !== undefined) {
    check.at('annotations', REJECT).error(`the annotation ${REJECT} is there to have the object refused`);
  }
  if (value === undefined || !/\.istio\.io\//.test(object.apiVersion)) {
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
