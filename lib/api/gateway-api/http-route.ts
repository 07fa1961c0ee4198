import type { MeshObject } from '../kind';
import { choice, list, message, type Static, text, uint32, unserved } from '../schema';
import { HttpRouteFilter, headerName } from './filter';
import { gatewayApiKind } from './kind';
import { backendRefFields, hostname, ParentReference, sectionName } from './reference';

/** Both kinds of values are compared with the whole text. */
const valueType = () => choice(['Exact', 'RegularExpression'], 'How the value is compared. Default: `Exact`.');

export const HeaderMatch = message(
  {
    type: valueType(),
    name: headerName('The name, in any case.'),
    value: text('The value.', { minLength: 1, maxLength: 4096 }),
  },
  { description: 'A condition on a header.', required: ['name', 'value'] },
);
export type HeaderMatch = Static<typeof HeaderMatch>;

const QueryParamMatch = message(
  {
    type: valueType(),
    name: headerName('The name.'),
    value: text('The value.', { minLength: 1, maxLength: 1024 }),
  },
  { description: 'A condition on a parameter of the query.', required: ['name', 'value'] },
);

export const HttpRouteMatch = message(
  {
    path: message(
      {
        type: choice(['Exact', 'PathPrefix', 'RegularExpression'], 'How the value is compared. Default: `PathPrefix`.'),
        value: text('The path. A prefix is compared part by part. Default `/`.', { maxLength: 1024 }),
      },
      { description: 'A condition on the path.' },
    ),
    headers: list(HeaderMatch, 'Conditions on headers; of one name the first counts.', { maxItems: 16 }),
    queryParams: list(QueryParamMatch, 'Conditions on the query.', { maxItems: 16 }),
    method: choice(
      ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
      'The method of the request.',
    ),
  },
  { description: 'Conditions, all of which have to hold.' },
);
export type HttpRouteMatch = Static<typeof HttpRouteMatch>;

export const HttpBackendRef = message(
  { ...backendRefFields, filters: list(HttpRouteFilter, 'Steps for this backend alone.', { maxItems: 16 }) },
  { description: 'One of the services among which a rule splits its requests.', required: ['name'] },
);
export type HttpBackendRef = Static<typeof HttpBackendRef>;

const gatewayDuration = (description: string) => text(description, { pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' });

export const HttpRouteRule = message(
  {
    name: sectionName('A name for the rule; it shows in access logs.'),
    matches: list(HttpRouteMatch, 'The rule applies when one of these matches. Default: always.', { maxItems: 64 }),
    filters: list(HttpRouteFilter, 'Steps that requests and answers go through.', { maxItems: 16 }),
    backendRefs: list(HttpBackendRef, 'Where the requests go.', { maxItems: 16 }),
    timeouts: message(
      {
        request: gatewayDuration('How long the whole request may take. `0s` is no limit.'),
        backendRequest: gatewayDuration('How long one attempt at a backend may take. `0s` is no limit.'),
      },
      { description: 'Limits in time.' },
    ),
    retry: message(
      {
        codes: list(uint32('A status, 400 to 599.', { minimum: 400, maximum: 599 }), 'Answers that are tried again.'),
        attempts: uint32('How often a request is tried again.'),
        backoff: gatewayDuration('The least time between attempts.'),
      },
      { description: 'How failed requests are tried again.' },
    ),
    sessionPersistence: unserved(message({}, { description: 'How a client stays with a backend.' })),
  },
  { description: 'What is done with the requests that match.' },
);
export type HttpRouteRule = Static<typeof HttpRouteRule>;

export const HttpRouteSpec = message(
  {
    parentRefs: list(ParentReference, 'What the route is attached to.', { maxItems: 32 }),
    hostnames: list(
      hostname('A name, or `*.example.com`.'),
      'The hosts of the requests. Default: those of the listener.',
      {
        maxItems: 16,
      },
    ),
    rules: list(HttpRouteRule, 'The rules. Of those that match, the most specific is taken.', { maxItems: 16 }),
    useDefaultGateways: unserved(text('Whether the route is attached to default Gateways.')),
  },
  { description: 'Routes for HTTP requests.' },
);
export type HttpRouteSpec = Static<typeof HttpRouteSpec>;
export type HTTPRoute = MeshObject<HttpRouteSpec>;

export const HTTPRoute = gatewayApiKind({
  kind: 'HTTPRoute',
  plural: 'httproutes',
  versions: ['v1', 'v1beta1'],
  description: 'How HTTP requests to a Gateway or a Service are routed.',
  schema: HttpRouteSpec,
  specRequired: true,
});
