/** EnvoyFilter: changes to what proxies get. https://istio.io/latest/docs/reference/config/networking/envoy-filter/ */
import { networkingKind } from '../kind';
import type { KubeObject } from '../object';
import { anyObject, choice, int32, list, message, type Static, text, textMap, uint32, unserved } from '../schema';
import { NetworkingWorkloadSelector, PolicyTargetReferences } from '../selector';

export const ApplyTo = choice(
  [
    'INVALID',
    'LISTENER',
    'FILTER_CHAIN',
    'NETWORK_FILTER',
    'HTTP_FILTER',
    'ROUTE_CONFIGURATION',
    'VIRTUAL_HOST',
    'HTTP_ROUTE',
    'CLUSTER',
    'EXTENSION_CONFIG',
    'BOOTSTRAP',
    'LISTENER_FILTER',
  ],
  'What is changed. Of a bootstrap, what is injected or deployed afterwards.',
);
export type ApplyTo = Static<typeof ApplyTo>;

const filter = message(
  {
    name: text('The name of the filter.'),
    subFilter: message({ name: text('The name of the filter.') }, { description: 'A filter within this filter.' }),
  },
  { description: 'The filter of a chain.' },
);

export const ListenerMatch = message(
  {
    portNumber: uint32('The port of the service or gateway.'),
    portName: text('Has no effect.'),
    filterChain: message(
      {
        name: text('The name of the filter chain.'),
        sni: text('The server name that the filter chain asks for.'),
        transportProtocol: text('The transport that the filter chain asks for: `raw_buffer` or `tls`.'),
        applicationProtocols: text('The application protocols that the filter chain asks for, parted by commas.'),
        transportSocket: text("The name of the filter chain's transport socket."),
        filter,
        destinationPort: uint32('The destination port that the filter chain asks for.'),
      },
      { description: 'A filter chain of the listener.' },
    ),
    listenerFilter: text('The name of a listener filter.'),
    name: text('The name of the listener.'),
  },
  { description: 'Which listeners.' },
);
export type ListenerMatch = Static<typeof ListenerMatch>;

export const RouteConfigurationMatch = message(
  {
    portNumber: uint32('The port of the service or gateway.'),
    portName: text("The name of the gateway server's port."),
    gateway: text('The gateway: `namespace/name`.'),
    vhost: message(
      {
        name: text('The name of the virtual host: `host:port`.'),
        domainName: text('A domain of the virtual host.'),
        route: message(
          {
            name: text('The name of the route.'),
            action: choice(['ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE'], 'What the route does.'),
          },
          { description: 'A route of the virtual host.' },
        ),
      },
      { description: 'A virtual host of the route configuration.' },
    ),
    name: text('The name of the route configuration.'),
  },
  { description: 'Which routes.' },
);
export type RouteConfigurationMatch = Static<typeof RouteConfigurationMatch>;

export const ClusterMatch = message(
  {
    portNumber: uint32('The port of the service.'),
    service: text('The full name of the service.'),
    subset: text('The subset of the service.'),
    name: text('The name of the cluster.'),
  },
  { description: 'Which clusters.' },
);
export type ClusterMatch = Static<typeof ClusterMatch>;

export const WaypointMatch = message(
  {
    filter,
    portNumber: uint32('The port of the service.'),
    route: message({ name: text('The name of the route.') }, { description: 'A route.' }),
  },
  { description: 'Which parts of a waypoint.' },
);

export const EnvoyConfigObjectMatch = message(
  {
    context: choice(
      ['ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY', 'WAYPOINT'],
      'Where in the mesh. Default ANY.',
      { unservedValues: ['WAYPOINT'] },
    ),
    proxy: message(
      {
        proxyVersion: text("A regular expression for the proxy's version."),
        metadata: textMap("Metadata of the proxy's node."),
      },
      { description: 'Which proxies.' },
    ),
    listener: ListenerMatch,
    routeConfiguration: RouteConfigurationMatch,
    cluster: ClusterMatch,
    waypoint: unserved(WaypointMatch),
  },
  {
    description: 'What the patch holds for.',
    exclusive: [['listener', 'routeConfiguration', 'cluster', 'waypoint']],
  },
);
export type EnvoyConfigObjectMatch = Static<typeof EnvoyConfigObjectMatch>;

export const EnvoyPatch = message(
  {
    operation: choice(
      [
        'INVALID',
        'MERGE',
        'ADD',
        'REMOVE',
        'INSERT_BEFORE',
        'INSERT_AFTER',
        'INSERT_FIRST',
        'REPLACE',
        'MERGE_AND_REPLACE_LIST',
      ],
      'How the patch is applied.',
    ),
    value: anyObject("Envoy's own configuration, as JSON."),
    filterClass: choice(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS'], 'Where among the filters an added one goes.'),
  },
  { description: 'The change.' },
);

export const EnvoyConfigObjectPatch = message(
  { applyTo: ApplyTo, match: EnvoyConfigObjectMatch, patch: EnvoyPatch },
  { description: 'A change, and what it holds for.' },
);
export type EnvoyConfigObjectPatch = Static<typeof EnvoyConfigObjectPatch>;

export const EnvoyFilterSpec = message(
  {
    workloadSelector: NetworkingWorkloadSelector,
    targetRefs: PolicyTargetReferences,
    configPatches: list(EnvoyConfigObjectPatch, 'Changes, applied in order.'),
    priority: int32('The order among EnvoyFilters; a smaller number comes first. Default 0.'),
  },
  {
    description: "Changes to Envoy's configuration, for what the API has no words.",
    exclusive: [['workloadSelector', 'targetRefs']],
  },
);
export type EnvoyFilterSpec = Static<typeof EnvoyFilterSpec>;
export type EnvoyFilter = KubeObject<EnvoyFilterSpec>;

export const EnvoyFilter = networkingKind({
  kind: 'EnvoyFilter',
  plural: 'envoyfilters',
  description: 'Changes to the configuration of proxies. Proxies of other versions may refuse them.',
  versions: ['v1alpha3'],
  storedVersion: 'v1alpha3',
  schema: EnvoyFilterSpec,
});
