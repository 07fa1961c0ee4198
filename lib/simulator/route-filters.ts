/** What the filters before the router do with a request, as its route tells them: faults, and preflights of CORS. */
import type { envoy, google } from '../envoy/generated/envoy';
import type { Answer, Faults, Response } from './answer';
import type { RoutedRequest } from './route';
import { matchesString } from './string-matcher';

type Route = envoy.config.route.v3.Route;
type HTTPFault = envoy.extensions.filters.http.fault.v3.HTTPFault;
type CorsPolicy = envoy.extensions.filters.http.cors.v3.CorsPolicy;
type FractionalPercent = envoy.type.v3.FractionalPercent;

/** The filters of a chain that does not route by itself, in their order; the first that answers ends it. */
export interface Filtered {
  readonly answer?: Omit<Response, 'by'>;
  /** What happens to a part of the requests. */
  readonly faults?: Faults;
}

export function filtered(route: Route, request: RoutedRequest): Filtered {
  const faults = faultsOf(configOf<HTTPFault>(route, 'envoy.filters.http.fault'), request);
  if (faults?.abort?.share === 1) return { answer: aborted(faults.abort, request) };
  const cors = configOf<CorsPolicy>(route, 'envoy.filters.http.cors');
  const answer = cors && preflightAnswer(cors, request);
  return { ...(answer && { answer }), ...(faults && { faults }) };
}

function configOf<T>({ typed_per_filter_config: configs }: Route, filter: string): T | undefined {
  return (configs as Record<string, google.protobuf.Any> | undefined)?.[filter] as T | undefined;
}

function faultsOf(fault: HTTPFault | undefined, request: RoutedRequest): Faults | undefined {
  const { delay, abort } = fault ?? {};
  const delayed = shareOf(delay?.percentage);
  const cut = shareOf(abort?.percentage);
  const faults: Faults = {
    ...(delay && delayed > 0 && { delay: { duration: String(delay.fixed_delay ?? '0s'), share: delayed } }),
    ...(abort && cut > 0 && { abort: { ...statusOf(abort, request), share: cut } }),
  };
  return Object.keys(faults).length > 0 ? faults : undefined;
}

const DENOMINATORS: Record<string, number> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };

function shareOf({ numerator = 0, denominator = 'HUNDRED' }: FractionalPercent = {}): number {
  return Math.min(1, Number(numerator) / (DENOMINATORS[denominator] ?? 100));
}

/** A client of gRPC gets every answer of a proxy as a status of gRPC. */
function statusOf(abort: NonNullable<HTTPFault['abort']>, request: RoutedRequest) {
  const grpc = abort.grpc_status === undefined ? undefined : Number(abort.grpc_status);
  const http = Number(abort.http_status ?? HTTP_OF_GRPC[grpc ?? 2] ?? 500);
  return isGrpc(request) ? { status: 200, grpcStatus: grpc ?? GRPC_OF_HTTP[http] ?? 2 } : { status: http };
}

function aborted({ status, grpcStatus }: NonNullable<Faults['abort']>, request: RoutedRequest): Filtered['answer'] {
  const body = isGrpc(request) ? '' : 'fault filter abort';
  return { kind: 'response', status, body, ...(grpcStatus !== undefined && { grpcStatus }) };
}

/** What a proxy answers by itself, as a client of gRPC gets it: with 200, and the status of gRPC beside. */
export function toldByGrpc(answer: Answer, request: RoutedRequest): Answer {
  if (answer.kind !== 'refusal' && answer.kind !== 'response') return answer;
  if (answer.status === undefined || answer.grpcStatus !== undefined || !isGrpc(request)) return answer;
  const told = { status: 200, grpcStatus: GRPC_OF_HTTP[answer.status] ?? 2 };
  return answer.kind === 'response' ? { ...answer, ...told, body: '' } : { ...answer, ...told };
}

export function isGrpc(request: RoutedRequest): boolean {
  return /^application\/grpc(\+|$)/.test(request.headers.get('content-type')?.[0] ?? '');
}

/** Envoy's `Grpc::Utility::grpcToHttpStatus`, by code. */
const HTTP_OF_GRPC = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

/** Envoy's `Grpc::Utility::httpToGrpcStatus`; everything else is UNKNOWN. */
const GRPC_OF_HTTP: Record<number, number> = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 };

/** A preflight is answered by the filter; other requests only get headers on their way back. */
function preflightAnswer(cors: CorsPolicy, request: RoutedRequest): Filtered['answer'] | undefined {
  const origin = request.headers.get('origin')?.[0];
  if (!origin || request.method !== 'OPTIONS' || !request.headers.get('access-control-request-method'))
    return undefined;
  if (!(cors.allow_origin_string_match ?? []).some((matcher) => matchesString(matcher, origin))) {
    return cors.forward_not_matching_preflights === false ? { kind: 'response', status: 200, body: '' } : undefined;
  }
  // For `*`, Envoy says what the browser asked for.
  const orWhatIsAsked = (allowed: string | undefined, header: string) =>
    allowed === '*' ? request.headers.get(header)?.[0] : allowed;
  const headers = {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': orWhatIsAsked(cors.allow_methods, 'access-control-request-method'),
    'access-control-allow-headers': orWhatIsAsked(cors.allow_headers, 'access-control-request-headers'),
    'access-control-max-age': cors.max_age,
    'access-control-allow-credentials': cors.allow_credentials ? 'true' : undefined,
  };
  const given = Object.entries(headers).filter((entry): entry is [string, string] => !!entry[1]);
  return { kind: 'response', status: 200, body: '', headers: Object.fromEntries(given) };
}
