/** EnvoyFilter and TrafficExtension: Envoy's own configuration. */
import { type Behaviour, get } from '../behaviour';
import { documents, networking } from './objects';

const topic = 'EnvoyFilter';
const ONE_LISTENER = 'with explicit capture one listener and one route configuration carry the ports of all services';
const NOT_SIMULATED = 'the simulator does not run filters that it does not know';

/** A patch of the client's sidecar. @param patches a list of YAML. */
const ofClient = (patches: string) => patchOf('client', patches);
const ofReviews = (patches: string) => patchOf('reviews', patches);

function patchOf(app: string, patches: string): string {
  const spec = `workloadSelector: { labels: { app: ${app} } }\nconfigPatches:\n${patches}`;
  return networking('EnvoyFilter', `patch-${app}`, spec).replace('/v1\n', '/v1alpha3\n');
}

const BEFORE_ROUTER =
  'filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: envoy.filters.http.router } } }';

const lua = (header: string, value: string) =>
  `{ name: envoy.filters.http.lua, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: { inline_string: 'function envoy_on_request(handle) handle:headers():add("${header}", "${value}") end' } } }`;

const extension = (name: string, spec: string) =>
  `apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: { name: ${name}, namespace: shop }\nspec: ${spec}`;

export const rawEnvoy: Behaviour[] = [
  {
    topic,
    feature: 'HTTP_FILTER: INSERT_BEFORE (Lua), on the way in',
    notSimulated: NOT_SIMULATED,
    objects: ofReviews(`- applyTo: HTTP_FILTER
  match: { context: SIDECAR_INBOUND, listener: { ${BEFORE_ROUTER} } }
  patch: { operation: INSERT_BEFORE, value: ${lua('x-lua', 'inbound')} }`),
    cases: [[get('http://reviews:9080/'), { status: 200, seen: { headers: { 'x-lua': 'inbound' } } }]],
  },
  {
    topic,
    feature: 'HTTP_FILTER: a local rate limit; ROUTE_CONFIGURATION: MERGE',
    onlyTransparent: ONE_LISTENER,
    notSimulated: NOT_SIMULATED,
    objects: ofClient(`- applyTo: HTTP_FILTER
  match: { context: SIDECAR_OUTBOUND, listener: { ${BEFORE_ROUTER} } }
  patch:
    operation: INSERT_BEFORE
    value:
      name: envoy.filters.http.local_ratelimit
      typed_config:
        "@type": type.googleapis.com/udpa.type.v1.TypedStruct
        type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
        value:
          stat_prefix: limit
          token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: 3600s }
          filter_enabled: { default_value: { numerator: 100, denominator: HUNDRED } }
          filter_enforced: { default_value: { numerator: 100, denominator: HUNDRED } }
- applyTo: ROUTE_CONFIGURATION
  match: { context: SIDECAR_OUTBOUND, routeConfiguration: { portNumber: 9080 } }
  patch: { operation: MERGE, value: { response_headers_to_add: [{ header: { key: x-limited, value: "yes" } }] } }`),
    cases: [
      // The one request that may pass has perhaps passed before everything was in force.
      [get('http://reviews:9080/'), { headers: { 'x-limited': 'yes' } }],
      [get('http://reviews:9080/', { times: 5 }), { shares: { 429: 1 } }],
    ],
  },
  {
    topic,
    feature: 'HTTP_ROUTE: MERGE and INSERT_FIRST; VIRTUAL_HOST: MERGE',
    onlyTransparent: ONE_LISTENER,
    objects: ofClient(`- applyTo: HTTP_ROUTE
  match: { context: SIDECAR_OUTBOUND, routeConfiguration: { vhost: { name: "reviews.shop.svc.cluster.local:9080" } } }
  patch: { operation: INSERT_FIRST, value: { match: { path: /closed }, direct_response: { status: 418 } } }
- applyTo: HTTP_ROUTE
  match: { context: SIDECAR_OUTBOUND, routeConfiguration: { vhost: { domainName: reviews.shop.svc.cluster.local, route: { action: ROUTE } } } }
  patch: { operation: MERGE, value: { requestHeadersToAdd: [{ header: { key: x-route, value: merged } }] } }
- applyTo: VIRTUAL_HOST
  match: { context: SIDECAR_OUTBOUND, routeConfiguration: { vhost: { domainName: reviews.shop.svc.cluster.local } } }
  patch: { operation: MERGE, value: { request_headers_to_add: [{ header: { key: x-host, value: merged } }] } }`),
    cases: [
      [get('http://reviews:9080/closed'), { status: 418 }],
      [
        get('http://reviews:9080/open'),
        { status: 200, seen: { headers: { 'x-route': 'merged', 'x-host': 'merged' } } },
      ],
    ],
  },
  {
    topic,
    feature: 'CLUSTER: MERGE_AND_REPLACE_LIST of circuit breakers',
    notSimulated: 'how many requests are on their way is not configuration',
    objects: ofClient(`- applyTo: CLUSTER
  match: { context: SIDECAR_OUTBOUND, cluster: { service: reviews.shop.svc.cluster.local } }
  patch: { operation: MERGE_AND_REPLACE_LIST, value: { circuit_breakers: { thresholds: [{ max_requests: 0 }] } } }`),
    cases: [[get('http://reviews:9080/'), { status: 503 }]],
  },
  {
    topic,
    feature: 'HTTP_FILTER: REMOVE',
    notSimulated: NOT_SIMULATED,
    objects: documents(
      networking(
        'VirtualService',
        'reviews',
        `hosts: [reviews]
http:
- fault: { abort: { httpStatus: 555, percentage: { value: 100 } } }
  route: [{ destination: { host: reviews, subset: v1 } }]`,
      ),
      ofClient(`- applyTo: HTTP_FILTER
  match: { listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: envoy.filters.http.fault } } } } }
  patch: { operation: REMOVE }`),
    ),
    cases: [
      [get('http://reviews:9080/'), { status: 200, who: 'v1' }],
      [get('http://reviews.shop:9080/', { from: 'stranger' }), { status: 555 }],
    ],
  },
  {
    topic: 'TrafficExtension',
    feature: 'lua: phase, priority, match',
    onlyTransparent: ONE_LISTENER,
    notSimulated: NOT_SIMULATED,
    objects: documents(
      extension(
        'second',
        `{ selector: { matchLabels: { app: reviews } }, match: [{ mode: SERVER }], lua: { inlineCode: 'function envoy_on_request(handle) handle:headers():replace("x-order", (handle:headers():get("x-order") or "") .. "2") end' } }`,
      ),
      extension(
        'first',
        `{ selector: { matchLabels: { app: reviews } }, match: [{ mode: SERVER }], priority: 5, lua: { inlineCode: 'function envoy_on_request(handle) handle:headers():replace("x-order", (handle:headers():get("x-order") or "") .. "1") end' } }`,
      ),
      extension(
        'of-clients',
        `{ selector: { matchLabels: { app: client } }, phase: AUTHN, match: [{ mode: CLIENT, ports: [{ number: 9080 }] }], lua: { inlineCode: 'function envoy_on_request(handle) handle:headers():replace("x-order", "0") end' } }`,
      ),
    ),
    cases: [
      [get('http://reviews:9080/'), { status: 200, seen: { headers: { 'x-order': '012' } } }],
      [get('http://reviews.shop:9080/', { from: 'stranger' }), { status: 200, seen: { headers: { 'x-order': '12' } } }],
    ],
  },
];
