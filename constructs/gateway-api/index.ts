/**
 * The Gateway API as typed objects: `new HTTPRoute(chart, 'shop', { spec: … })`. The types are those of the schemas from which
 * the checks are made.
 *
 * @packageDocumentation
 */
import type { Construct } from 'constructs';
import * as api from '../../lib/api/gateway-api';
import { GatewayApiObject, type GatewayApiObjectProps } from './object';

export { GatewayApiObject, type GatewayApiObjectProps };

/** TLS from gateways to the Pods of a Service. */
export class BackendTLSPolicy extends GatewayApiObject<api.BackendTlsPolicySpec> {
  constructor(scope: Construct, id: string, props: GatewayApiObjectProps<api.BackendTlsPolicySpec>) {
    super(scope, id, api.BackendTLSPolicy, props);
  }
}

/** Where traffic comes in. */
export class Gateway extends GatewayApiObject<api.GatewaySpec> {
  constructor(scope: Construct, id: string, props: GatewayApiObjectProps<api.GatewaySpec>) {
    super(scope, id, api.Gateway, props);
  }
}

/** A class of Gateways, and who manages them. */
export class GatewayClass extends GatewayApiObject<api.GatewayClassSpec> {
  constructor(scope: Construct, id: string, props: GatewayApiObjectProps<api.GatewayClassSpec>) {
    super(scope, id, api.GatewayClass, props);
  }
}

/** How calls of gRPC are routed. */
export class GRPCRoute extends GatewayApiObject<api.GrpcRouteSpec> {
  constructor(scope: Construct, id: string, props: GatewayApiObjectProps<api.GrpcRouteSpec>) {
    super(scope, id, api.GRPCRoute, props);
  }
}

/** How requests are routed. */
export class HTTPRoute extends GatewayApiObject<api.HttpRouteSpec> {
  constructor(scope: Construct, id: string, props: GatewayApiObjectProps<api.HttpRouteSpec>) {
    super(scope, id, api.HTTPRoute, props);
  }
}

/** Listeners that another team adds to a Gateway. */
export class ListenerSet extends GatewayApiObject<api.ListenerSetSpec> {
  constructor(scope: Construct, id: string, props: GatewayApiObjectProps<api.ListenerSetSpec>) {
    super(scope, id, api.ListenerSet, props);
  }
}

/** Lets objects of other namespaces refer to objects of this one. */
export class ReferenceGrant extends GatewayApiObject<api.ReferenceGrantSpec> {
  constructor(scope: Construct, id: string, props: GatewayApiObjectProps<api.ReferenceGrantSpec>) {
    super(scope, id, api.ReferenceGrant, props);
  }
}

/** How connections to a listener are routed. */
export class TCPRoute extends GatewayApiObject<api.TcpRouteSpec> {
  constructor(scope: Construct, id: string, props: GatewayApiObjectProps<api.TcpRouteSpec>) {
    super(scope, id, api.TCPRoute, props);
  }
}

/** How TLS connections are routed, by server name. */
export class TLSRoute extends GatewayApiObject<api.TlsRouteSpec> {
  constructor(scope: Construct, id: string, props: GatewayApiObjectProps<api.TlsRouteSpec>) {
    super(scope, id, api.TLSRoute, props);
  }
}
