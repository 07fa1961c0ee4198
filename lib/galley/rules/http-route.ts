/** The HTTP routes of a VirtualService. */
import { parseDuration } from '../../api/duration';
import type { Percent } from '../../api/networking/destination';
import { GRPC_STATUSES } from '../../api/networking/grpc-status';
import type { HTTPFaultInjection } from '../../api/networking/http-fault';
import type { CorsPolicy, HTTPRedirect, HTTPRetry, HTTPRewrite, HTTPRoute } from '../../api/networking/http-route';
import { nearest } from '../nearest';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkDestination, checkRoute } from './destination';
import { checkHeaders, isAuthority, isPlainHeaderName } from './headers';
import { isLabel } from './host';
import { checkHttpMatch } from './http-match';
import { checkPort } from './port';
import { checkRegex, checkStringMatch } from './string-match';

/** One body of an answer; Envoy holds it in memory on every proxy. */
const LARGEST_BODY = 1024 * 1024;
const LARGE_BODY = 100 * 1024;

export function checkHttpRoute(route: HTTPRoute, check: Check, isDelegate: boolean): void {
  checkAction(route, check, isDelegate);
  check.at('match').each(route.match, checkHttpMatch);
  checkRoute(route.route ?? [], check.at('route'));
  check.at('route').each(route.route, (entry, at) => checkHeaders(entry.headers, at.at('headers')));
  checkHeaders(route.headers, check.at('headers'));
  checkAuthority(route, check);
  if (route.redirect) {
    checkRedirect(route.redirect, route, check.at('redirect'));
  }
  if (route.directResponse) {
    checkStatus(route.directResponse.status, check.at('directResponse', 'status'));
    const body = route.directResponse.body?.string ?? route.directResponse.body?.bytes ?? '';
    const at = check.at('directResponse', 'body');
    if (body.length > LARGEST_BODY) {
      at.error(`a body has at most ${LARGEST_BODY} characters, got ${body.length}`);
    } else if (body.length > LARGE_BODY) {
      at.warning(`every proxy keeps the body in memory, which has ${body.length} characters`);
    }
  }
  if (route.rewrite) {
    checkRewrite(route.rewrite, check.at('rewrite'));
  }
  checkRetries(route.retries, check.at('retries'));
  checkFault(route.fault, check.at('fault'));
  checkMirrors(route, check);
  checkCors(route.corsPolicy, check.at('corsPolicy'));
}

/** A route does one thing. */
function checkAction(route: HTTPRoute, check: Check, isDelegate: boolean): void {
  const destinations = (route.route?.length ?? 0) > 0;
  if (route.delegate) {
    checkDelegation(route, check, isDelegate);
    return;
  }
  const actions = [
    destinations ? 'route' : '',
    route.redirect ? 'redirect' : '',
    route.directResponse ? 'directResponse' : '',
  ].filter(Boolean);
  if (actions.length === 0) {
    check.error('a route needs one of route, redirect or directResponse, got none');
  } else if (actions.length > 1) {
    check
      .at(actions[1]!)
      .error(`a route has only one of route, redirect and directResponse, got ${actions.join(' and ')}`);
  }
  const answer = route.redirect ? 'redirect' : route.directResponse ? 'directResponse' : undefined;
  for (const field of ['fault', 'rewrite'] as const) {
    if (answer && route[field]) {
      check.at(field).error(`${field} has no place beside ${answer}, as nothing is forwarded`, `leave ${field} out`);
    }
  }
}

function checkDelegation(route: HTTPRoute, check: Check, isDelegate: boolean): void {
  if (isDelegate) {
    check.at('delegate').error('a VirtualService without hosts, to which others delegate, cannot delegate further');
  }
  if (!isLabel(route.delegate?.name ?? '')) {
    check.at('delegate', 'name').error(`expected the name of a VirtualService, got ${shown(route.delegate?.name)}`);
  }
  for (const field of ['route', 'redirect', 'directResponse'] as const) {
    if (route[field] && !(Array.isArray(route[field]) && route[field].length === 0)) {
      check.at(field).error(`a route that delegates cannot have ${field} too`, `leave out delegate or ${field}`);
    }
  }
}

/** The authority of the request can be set once only; a destination may have one of its own. */
function checkAuthority(route: HTTPRoute, check: Check): void {
  const { set, add } = route.headers?.request ?? {};
  const values = [...Object.entries(set ?? {}), ...Object.entries(add ?? {})].filter(([name]) => isAuthority(name));
  const all = [route.rewrite?.authority, ...values.map(([, value]) => value)].filter(Boolean);
  if (all.length > 1) {
    check.error('the authority is set in more than one place, by rewrite and headers', 'set it in one place only');
  }
}

const REDIRECTS = [301, 302, 303, 307, 308];

function checkRedirect(redirect: HTTPRedirect, route: HTTPRoute, check: Check): void {
  const { uri, authority, scheme, prefixRewrite, port, derivePort, redirectCode } = redirect;
  if (![uri, authority, scheme, prefixRewrite].some(Boolean) && port === undefined && derivePort === undefined) {
    check.error('a redirect changes at least one of uri, authority, scheme, port or prefixRewrite, got none');
  }
  if (uri && prefixRewrite) {
    check.at('prefixRewrite').error('a redirect has only one of uri and prefixRewrite, got both');
  }
  if (prefixRewrite && (route.match ?? []).some((match) => match.uri && match.uri.prefix === undefined)) {
    check.at('prefixRewrite').error('prefixRewrite needs all matches of uri to be by prefix');
  }
  if (redirectCode && (redirectCode < 300 || redirectCode > 399)) {
    check.at('redirectCode').error(`expected one of ${REDIRECTS.join(', ')}, got ${redirectCode}`);
  } else if (redirectCode && !REDIRECTS.includes(redirectCode)) {
    check
      .at('redirectCode')
      .unserved(`Envoy answers with ${REDIRECTS.join(', ')}: 301 takes the place of ${redirectCode}`);
  }
  if (port) {
    checkPort(port, check.at('port'));
  }
  if (scheme && scheme !== 'http' && scheme !== 'https') {
    check.at('scheme').error(`expected http or https, got ${shown(scheme)}`);
  }
}

function checkRewrite(rewrite: HTTPRewrite, check: Check): void {
  const { uri, authority, uriRegexRewrite } = rewrite;
  if (!uri && !authority && !uriRegexRewrite) {
    check.error('a rewrite changes at least one of uri, uriRegexRewrite or authority, got none');
  }
  if (uri && uriRegexRewrite) {
    check.at('uriRegexRewrite').error('a rewrite has only one of uri and uriRegexRewrite, got both');
  }
  if (uriRegexRewrite) {
    checkRegex(uriRegexRewrite.match ?? '', check.at('uriRegexRewrite', 'match'));
    if (!uriRegexRewrite.rewrite) {
      check.at('uriRegexRewrite', 'rewrite').error('rewrite is missing');
    }
  }
}

/** Envoy's conditions, for HTTP and gRPC. */
const RETRY_ON = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
];

/** https://www.iana.org/assignments/http-status-codes, from the first to the last of each run. */
const STATUSES: readonly (readonly [first: number, last: number])[] = [
  [100, 103],
  [200, 208],
  [226, 226],
  [300, 305],
  [307, 308],
  [400, 418],
  [421, 426],
  [428, 429],
  [431, 431],
  [451, 451],
  [500, 508],
  [510, 511],
];

export function checkRetries(retries: HTTPRetry | undefined, check: Check): void {
  if (!retries) {
    return;
  }
  const { attempts = 0, perTryTimeout, retryOn, retryRemoteLocalities, backoff } = retries;
  if (attempts < 0) {
    check.at('attempts').error(`attempts are at least 0, got ${attempts}`);
  }
  if (attempts === 0 && (perTryTimeout || retryOn || retryRemoteLocalities !== undefined || backoff)) {
    check.error(
      'retries are switched off by attempts 0, but a policy for them is given',
      'set attempts, or leave the rest out',
    );
  }
  for (const condition of retryOn ? retryOn.split(',').map((part) => part.trim()) : []) {
    const isStatus = STATUSES.some(([first, last]) => Number(condition) >= first && Number(condition) <= last);
    if (!isStatus && !RETRY_ON.includes(condition)) {
      const near = nearest(condition, RETRY_ON);
      check
        .at('retryOn')
        .error(
          `${shown(condition)} is no condition to retry on, expected a status of HTTP or one of ${RETRY_ON.join(', ')}`,
          near ? `write ${near}` : undefined,
        );
    }
  }
}

export function checkStatus(status: number | undefined, check: Check): void {
  if (status === undefined || status < 200 || status > 599) {
    check.error(`a status is a number from 200 to 599, got ${status ?? 'none'}`);
  }
}

function checkPercent(percent: Percent | undefined, check: Check, least = 0.0001): void {
  const value = percent?.value ?? 0;
  if (value !== 0 && (value < least || value > 100)) {
    check.at('value').error(`a percentage is 0, or from ${least} to 100, got ${value}`);
  }
}

function checkFault(fault: HTTPFaultInjection | undefined, check: Check): void {
  if (!fault) {
    return;
  }
  if (!fault.delay && !fault.abort) {
    check.error('a fault has a delay, an abort or both, got none');
  }
  checkPercent(fault.delay?.percentage, check.at('delay', 'percentage'));
  checkPercent(fault.abort?.percentage, check.at('abort', 'percentage'));
  if (fault.delay?.exponentialDelay !== undefined) {
    check.at('delay', 'exponentialDelay').error('a delay that grows is not supported', 'use fixedDelay');
  } else if (fault.delay && fault.delay.fixedDelay === undefined) {
    check.at('delay').unserved('a delay without fixedDelay delays nothing');
  }
  const percent = fault.delay?.percent ?? 0;
  if (percent < 0 || percent > 100) {
    check.at('delay', 'percent').error(`a percentage is from 0 to 100, got ${percent}`);
  }
  if (fault.abort?.httpStatus !== undefined) {
    checkStatus(fault.abort.httpStatus, check.at('abort', 'httpStatus'));
  }
  const { httpStatus, grpcStatus, http2Error } = fault.abort ?? {};
  if (fault.abort && httpStatus === undefined && grpcStatus === undefined && http2Error === undefined) {
    check.at('abort').warning('an abort without httpStatus or grpcStatus aborts nothing', 'add httpStatus');
  }
  if (grpcStatus !== undefined && !GRPC_STATUSES.includes(grpcStatus)) {
    check.at('abort', 'grpcStatus').error(`expected one of ${GRPC_STATUSES.join(', ')}, got ${shown(grpcStatus)}`);
  }
  if (http2Error !== undefined) {
    check
      .at('abort', 'http2Error')
      .error('aborting with an HTTP/2 error is not supported', 'use httpStatus or grpcStatus');
  }
}

function checkMirrors(route: HTTPRoute, check: Check): void {
  checkDestination(route.mirror, check.at('mirror'));
  if (route.mirror && (route.mirrors?.length ?? 0) > 0) {
    check.at('mirrors').error('only one of mirror and mirrors may be set, got both');
  }
  checkPercent(route.mirrorPercentage, check.at('mirrorPercentage'), 0);
  for (const field of ['mirrorPercent', 'mirror_percent'] as const) {
    if (route[field] === undefined) continue;
    check.at(field).warning(`${field} is deprecated`, 'use mirrorPercentage');
    if (route[field] > 100) {
      check.at(field).error(`a percentage is from 0 to 100, got ${route[field]}`);
    }
  }
  check.at('mirrors').each(route.mirrors, (mirror, at) => {
    checkDestination(mirror.destination, at.at('destination'));
    checkPercent(mirror.percentage, at.at('percentage'), 0);
  });
}

const METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'PATCH', '*'];

function checkCors(cors: CorsPolicy | undefined, check: Check): void {
  if (!cors) {
    return;
  }
  check.at('allowOrigins').each(cors.allowOrigins, (origin, at) => {
    checkStringMatch(origin, at);
    if (origin.exact === '' || (origin.exact ?? origin.prefix ?? origin.regex) === undefined) {
      at.error('an origin is matched by exact, prefix or regex, got nothing');
    }
  });
  check.at('allowMethods').each(cors.allowMethods, (method, at) => {
    if (!METHODS.includes(method)) {
      at.error(`expected one of ${METHODS.join(', ')}, got ${shown(method)}`);
    }
  });
  for (const field of ['allowHeaders', 'exposeHeaders'] as const) {
    check.at(field).each(cors[field], (name, at) => {
      if (name !== '*' && !isPlainHeaderName(name)) {
        at.error(`${shown(name)} is not the name of a header`);
      }
    });
  }
  if (cors.maxAge && (parseDuration(cors.maxAge) ?? 0) % 1000 !== 0) {
    check.at('maxAge').error(`maxAge is kept in whole seconds, got ${shown(cors.maxAge)}`);
  }
}
