/** The typed ApiObject below every class of `malha/gateway-api`. */
import { ApiObject, type ApiObjectMetadata } from 'cdk8s';
import type { Construct } from 'constructs';
import { apiVersionOf, type Kind } from '../../lib/api';

export interface GatewayApiObjectProps<Spec> {
  /** Default: the name that the chart makes up, the chart's namespace. */
  readonly metadata?: ApiObjectMetadata;
  readonly spec: Spec;
}

/** An object of the Gateway API, written out. Its CRD is the cluster's; the object is checked at synthesis all the same. */
export abstract class GatewayApiObject<Spec extends object> extends ApiObject {
  protected constructor(scope: Construct, id: string, kind: Kind, props: GatewayApiObjectProps<Spec>) {
    super(scope, id, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: props.metadata, spec: props.spec });
  }
}
