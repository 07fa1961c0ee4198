/** The HTTP routes of a VirtualService: what is done with a request that matches. */
import { choice, described, duration, flag, int32, list, message, type Static, text, texts, uint32 } from '../schema';
import { Destination, Percent } from './destination';
import { Headers } from './header-operations';
import { HTTPFaultInjection } from './http-fault';
import { HTTPMatchRequest } from './http-match';
import { StringMatch } from './string-match';

export const HTTPRouteDestination = message(
  {
    destination: Destination,
    weight: int32(
      'The share of the requests, relative to the other destinations of the route. Left out at the only destination, it gets all of them.',
    ),
    headers: Headers,
  },
  { description: 'One of the destinations among which a route splits its requests.', required: ['destination'] },
);
export type HTTPRouteDestination = Static<typeof HTTPRouteDestination>;

export const HTTPRedirect = message(
  {
    uri: text('Replaces the path of the URL.'),
    authority: text('Replaces the authority of the URL.'),
    port: uint32('Replaces the port of the URL.'),
    derivePort: choice(
      ['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'],
      'Where the port comes from: the default of the scheme, or the port of the request.',
    ),
    scheme: text('Replaces the scheme of the URL: `http` or `https`.'),
    redirectCode: uint32('The status of the answer: 301, 302, 303, 307 or 308. Default 301.'),
    prefixRewrite: text('Replaces the part of the path that the prefix match took.'),
  },
  { description: 'Answers with a redirect.', exclusive: [['port', 'derivePort']] },
);
export type HTTPRedirect = Static<typeof HTTPRedirect>;

export const HTTPBody = message(
  { string: text('The body as text.'), bytes: text('The body as base64.') },
  { description: 'The body of an answer.', exclusive: [['string', 'bytes']] },
);
export type HTTPBody = Static<typeof HTTPBody>;

export const HTTPDirectResponse = message(
  { status: uint32('The status of the answer.'), body: HTTPBody },
  { description: 'Answers without asking any service.', required: ['status'] },
);
export type HTTPDirectResponse = Static<typeof HTTPDirectResponse>;

export const RegexRewrite = message(
  {
    match: text('A regular expression in RE2 syntax.', { maxLength: 1024 }),
    rewrite: text('What is put in place of each match; `\\1` is the first group.'),
  },
  { description: 'Rewrites the path by a regular expression.' },
);
export type RegexRewrite = Static<typeof RegexRewrite>;

export const HTTPRewrite = message(
  {
    uri: text('Replaces the path, or the prefix of the path that matched.'),
    authority: text('Replaces the authority.'),
    uriRegexRewrite: RegexRewrite,
  },
  { description: 'Changes the request before it is forwarded.' },
);
export type HTTPRewrite = Static<typeof HTTPRewrite>;

export const HTTPRetry = message(
  {
    attempts: int32('How often a request is tried again. 0 switches retries off. Default 2.'),
    perTryTimeout: duration('How long one attempt may take. Default: the timeout of the route.'),
    retryOn: text('The conditions to retry on, as Envoy names them, separated by commas; also HTTP status codes.'),
    retryRemoteLocalities: flag('Retry in other localities too.'),
    retryIgnorePreviousHosts: flag('Retry at another endpoint than before. Default true.'),
    backoff: duration('The least time between attempts. Default 25ms.'),
  },
  { description: 'How failed requests are tried again.' },
);
export type HTTPRetry = Static<typeof HTTPRetry>;

export const CorsPolicy = message(
  {
    allowOrigins: list(StringMatch, 'Origins that may read the answers.'),
    allowOrigin: texts('Deprecated form of `allowOrigins`, compared exactly. Not looked at beside `allowOrigins`.'),
    allowMethods: texts('Methods for Access-Control-Allow-Methods.'),
    allowHeaders: texts('Headers for Access-Control-Allow-Headers.'),
    exposeHeaders: texts('Headers for Access-Control-Expose-Headers.'),
    maxAge: duration('How long a preflight answer may be kept.'),
    allowCredentials: flag('Whether the request may carry credentials.'),
    unmatchedPreflights: choice(
      ['UNSPECIFIED', 'FORWARD', 'IGNORE'],
      'Whether preflights from other origins are forwarded to the service. Default FORWARD.',
    ),
  },
  { description: 'Cross-origin resource sharing.' },
);
export type CorsPolicy = Static<typeof CorsPolicy>;

export const HTTPMirrorPolicy = message(
  { destination: Destination, percentage: described(Percent, 'The share of requests that is mirrored. Default: all.') },
  { description: 'One destination that gets a copy of the requests.', required: ['destination'] },
);
export type HTTPMirrorPolicy = Static<typeof HTTPMirrorPolicy>;

export const Delegate = message(
  {
    name: text('The name of the VirtualService.'),
    namespace: text('Its namespace. Default: that of the delegating one.'),
  },
  { description: 'Another VirtualService that holds the routes below this match.' },
);
export type Delegate = Static<typeof Delegate>;

export const HTTPRoute = message(
  {
    name: text('A name for the route; it shows in access logs.'),
    match: list(HTTPMatchRequest, 'The route applies when one of these matches, or always when there is none.'),
    route: list(HTTPRouteDestination, 'Where the requests go. Either this, `redirect` or `directResponse`.'),
    redirect: HTTPRedirect,
    directResponse: HTTPDirectResponse,
    delegate: Delegate,
    rewrite: HTTPRewrite,
    timeout: duration('How long a request may take with all its retries. Default: no limit.'),
    retries: HTTPRetry,
    fault: HTTPFaultInjection,
    mirror: described(Destination, 'A service that gets a copy of the requests; its answers are dropped.'),
    mirrors: list(
      HTTPMirrorPolicy,
      'Several services that get a copy, each with its share. Not together with `mirror`.',
    ),
    mirrorPercent: uint32('Deprecated form of `mirrorPercentage`, a whole number.'),
    mirror_percent: uint32('Deprecated form of `mirrorPercentage`, a whole number.'),
    mirrorPercentage: described(Percent, 'The share of requests that is mirrored. Default: all.'),
    corsPolicy: CorsPolicy,
    headers: Headers,
  },
  { description: 'What is done with the requests that match. The first route of the list that matches is taken.' },
);
export type HTTPRoute = Static<typeof HTTPRoute>;
