/** Which requests an auditor will want to see: marked by Envoy, whatever becomes of them. */
import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { operationOf } from './operation';
import type { IMeshService } from './service-version';

/** What is audited; all that is given has to hold. */
export interface AuditPolicyProps {
  /** Whose requests. */
  readonly service: IMeshService;
  /** Default: all. */
  readonly methods?: readonly string[];
  /** Default: all. */
  readonly paths?: readonly string[];
}

/** An AuthorizationPolicy of action AUDIT. It allows and refuses nothing. */
export class AuditPolicy extends Construct {
  constructor(scope: Construct, id: string, props: AuditPolicyProps) {
    super(scope, id);
    const { service } = props;
    const operation = operationOf(this, props);
    new ApiObject(this, 'AuthorizationPolicy', {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: `${service.name}-audit-${id.toLowerCase()}`, namespace: service.namespace },
      spec: {
        selector: { matchLabels: service.podLabels },
        action: 'AUDIT',
        rules: [Object.keys(operation).length > 0 ? { to: [{ operation }] } : {}],
      },
    });
  }
}
