/** The resource types of xDS (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-types). */
export const TypeUrl = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  /** Which route configuration is for which requests of one listener. */
  scope: 'type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration',
  /** The configuration of one filter, by the filter's name. */
  extension: 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const;

export type TypeUrl = (typeof TypeUrl)[keyof typeof TypeUrl];
