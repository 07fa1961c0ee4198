/** The filters of a rule or a backend, in the words of a VirtualService. */
import type { CorsPolicy, Destination, Headers, HTTPMirrorPolicy, HTTPRewrite } from '../../api';
import type {
  BackendObjectReference,
  CorsFilter,
  HeaderModifier,
  HttpRouteFilter,
  PathModifier,
  RequestMirror,
  RequestRedirect,
} from '../../api/gateway-api';
import type { Problem } from './conditions';
import type { ConvertedHttpRoute, ConvertedRedirect } from './converted';

/** Filters of HTTPRoutes are those of GRPCRoutes, and some more. */
type Filter = Pick<HttpRouteFilter, 'type'> & Omit<HttpRouteFilter, 'type'>;

export interface ConvertedFilters {
  readonly route: Pick<ConvertedHttpRoute, 'headers' | 'mirrors' | 'redirect' | 'rewrite' | 'corsPolicy'>;
  /** What makes the whole rule unusable: its requests are answered with 500. */
  readonly problem?: Problem;
  /** Problems of references, which leave the rule usable. */
  readonly unresolved: readonly Problem[];
}

type Resolve = (reference: BackendObjectReference) => { destination?: Destination; problem?: Problem };

/** @param prefix the path prefix that the rule matches, if that is all its matches have. */
export function convertFilters(
  filters: readonly Filter[] | undefined,
  prefix: string | undefined,
  resolve: Resolve,
): ConvertedFilters {
  const headers: Headers = {};
  const mirrors: HTTPMirrorPolicy[] = [];
  const unresolved: Problem[] = [];
  const route: { -readonly [K in keyof ConvertedFilters['route']]: ConvertedFilters['route'][K] } = {};
  let problem: Problem | undefined;
  for (const filter of filters ?? []) {
    const change = filter.requestRedirect?.path ?? filter.urlRewrite?.path;
    if (change?.type === 'ReplacePrefixMatch' && prefix === undefined) {
      problem ??= {
        reason: 'UnsupportedValue',
        message: 'ReplacePrefixMatch needs a match by PathPrefix, and no other',
      };
    }
    switch (filter.type) {
      case 'RequestHeaderModifier':
        headers.request = operations(filter.requestHeaderModifier);
        break;
      case 'ResponseHeaderModifier':
        headers.response = operations(filter.responseHeaderModifier);
        break;
      case 'RequestMirror': {
        if (!filter.requestMirror) break;
        const mirror = resolve(filter.requestMirror.backendRef);
        if (mirror.problem) unresolved.push(mirror.problem);
        if (mirror.destination)
          mirrors.push({ destination: mirror.destination, percentage: share(filter.requestMirror) });
        break;
      }
      case 'RequestRedirect':
        if (filter.requestRedirect) route.redirect = redirectOf(filter.requestRedirect, prefix);
        break;
      case 'URLRewrite':
        route.rewrite = {
          ...(filter.urlRewrite?.hostname && { authority: filter.urlRewrite.hostname }),
          ...pathRewrite(filter.urlRewrite?.path, prefix),
        };
        break;
      case 'CORS':
        if (filter.cors) route.corsPolicy = corsOf(filter.cors);
        break;
      case 'ExtensionRef':
      case 'ExternalAuth':
        problem ??= { reason: 'UnsupportedValue', message: `the filter ${filter.type} is not supported` };
    }
  }
  if (headers.request || headers.response) route.headers = headers;
  if (mirrors.length > 0) route.mirrors = mirrors;
  return { route, unresolved, ...(problem && { problem }) };
}

function operations(modifier: HeaderModifier | undefined): NonNullable<Headers['request']> {
  const values = (list: HeaderModifier['set']) => {
    const result: Record<string, string> = {};
    // Of several entries for one name, in any case, the first counts.
    for (const { name, value } of list ?? []) result[name.toLowerCase()] ??= literal(value);
    return result;
  };
  return {
    ...(modifier?.set?.length && { set: values(modifier.set) }),
    ...(modifier?.add?.length && { add: values(modifier.add) }),
    ...(modifier?.remove?.length && { remove: modifier.remove }),
  };
}

/** Envoy reads `%` as the start of a command; values of the Gateway API are meant as they stand. */
function literal(value: string): string {
  return value.replaceAll('%', '%%');
}

function share({ percent, fraction }: RequestMirror): { value: number } {
  if (fraction) return { value: Math.min(100, (100 * fraction.numerator) / (fraction.denominator ?? 100)) };
  return { value: percent ?? 100 };
}

function redirectOf(redirect: RequestRedirect, prefix: string | undefined): ConvertedRedirect {
  const { scheme, hostname, path, statusCode = 302 } = redirect;
  const { uri, uriRegexRewrite } = pathRewrite(path, prefix);
  return {
    redirectCode: statusCode,
    ...(scheme && { scheme }),
    ...(hostname && { authority: hostname }),
    ...portOf(redirect),
    ...(path?.type === 'ReplaceFullPath'
      ? { uri: path.replaceFullPath || '/' }
      : { ...(uri && { prefixRewrite: uri }), ...(uriRegexRewrite && { uriRegexRewrite }) }),
  };
}

/** A scheme without a port leads to its own; neither keeps the port of the listener (HTTPRequestRedirectFilter.port). */
function portOf({ scheme, port }: RequestRedirect): Partial<ConvertedRedirect> {
  if (port) return { port, leavesOutDefaultPort: true };
  return { derivePort: scheme ? 'FROM_PROTOCOL_DEFAULT' : 'FROM_REQUEST_PORT', leavesOutDefaultPort: true };
}

/**
 * `ReplacePrefixMatch` works on whole parts of the path: of `/foo/bar`, matched by `/foo` or `/foo/` and rewritten to `/xyz` or `/xyz/`, comes
 * `/xyz/bar`, and to `/` or nothing, `/bar`. Envoy puts texts together instead, so that case needs a regular expression.
 */
function pathRewrite(path: PathModifier | undefined, prefix: string | undefined): HTTPRewrite {
  if (!path) return {};
  if (path.type === 'ReplaceFullPath') {
    return { uriRegexRewrite: { match: '/.*', rewrite: replacement(path.replaceFullPath || '/') } };
  }
  const matched = withoutTrailingSlash(prefix ?? '/');
  const wanted = withoutTrailingSlash(path.replacePrefixMatch ?? '');
  if (matched === '') return wanted === '' ? {} : { uri: `${wanted}/` };
  if (wanted !== '') return { uri: wanted };
  return { uriRegexRewrite: { match: `^${escaped(matched)}/*`, rewrite: '/' } };
}

function withoutTrailingSlash(path: string): string {
  return path.replace(/\/+$/, '');
}

/** For RE2, which takes a backslash before any punctuation. */
function escaped(text: string): string {
  return text.replace(/[^A-Za-z0-9/_-]/g, (character) => `\\${character}`);
}

function replacement(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

/** Browsers leave the port out that a scheme has of itself (HTTPCORSFilter.allowOrigins: it is assumed). */
function withoutDefaultPort(origin: string): string {
  return origin.replace(/^(http:\/\/.*):80$|^(https:\/\/.*):443$/, '$1$2');
}

function corsOf(cors: CorsFilter): CorsPolicy {
  // With credentials a browser takes `*` for a header of that name, and the API does not allow it to be sent.
  const exposed = (cors.exposeHeaders ?? []).filter((name) => name !== '*' || !cors.allowCredentials);
  return {
    allowOrigins: (cors.allowOrigins ?? []).map(withoutDefaultPort).map((origin) => {
      if (origin === '*') return { regex: '.*' };
      if (!origin.includes('*')) return { exact: origin };
      return { regex: origin.split('*').map(escaped).join('.*') };
    }),
    ...(cors.allowMethods?.length && { allowMethods: cors.allowMethods }),
    ...(cors.allowHeaders?.length && { allowHeaders: cors.allowHeaders }),
    ...(exposed.length > 0 && { exposeHeaders: exposed }),
    ...(cors.allowCredentials && { allowCredentials: true }),
    maxAge: `${cors.maxAge ?? 5}s`,
    unmatchedPreflights: 'IGNORE',
  };
}
