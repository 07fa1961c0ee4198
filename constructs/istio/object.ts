/** The typed ApiObject below every class of `malha/istio`. */
import { ApiObject, type ApiObjectMetadata } from 'cdk8s';
import type { Construct } from 'constructs';
import { apiVersionOf, type Kind } from '../../lib/api';

export interface IstioObjectProps<Spec> {
  /** Default: the name that the chart makes up, the chart's namespace. */
  readonly metadata?: ApiObjectMetadata;
  readonly spec: Spec;
}

/** An object of the mesh API, written out. Checked at synthesis like everything else. */
export abstract class IstioObject<Spec extends object> extends ApiObject {
  protected constructor(scope: Construct, id: string, kind: Kind, props: IstioObjectProps<Spec>) {
    super(scope, id, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: props.metadata, spec: props.spec });
  }
}
