/**
 * The rules of the Gateway API that its schemas cannot say; its CustomResourceDefinitions have them as CEL. Files are not
 * checked by any API server.
 */
import type {
  GatewaySpec,
  HttpRouteFilter,
  HttpRouteRule,
  HttpRouteSpec,
  ListenerSetSpec,
} from '../../api/gateway-api';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkRegex } from './string-match';

export function checkListeners({ listeners }: GatewaySpec | ListenerSetSpec, check: Check): void {
  const names = new Set<string>();
  check.at('listeners').each(listeners, (listener, at) => {
    if (names.has(listener.name)) at.at('name').error(`the listener ${shown(listener.name)} stands twice`);
    names.add(listener.name);
    if (listener.tls && (listener.protocol === 'HTTP' || listener.protocol === 'TCP')) {
      at.at('tls').error(
        `a listener of protocol ${listener.protocol} has no tls`,
        'write HTTPS or TLS as the protocol',
      );
    }
    if (listener.hostname && listener.protocol === 'TCP') {
      at.at('hostname').error('a listener of protocol TCP has no hostname', 'leave it out');
    }
  });
}

export function checkHttpRouteOfGatewayApi(spec: HttpRouteSpec, check: Check): void {
  check.at('rules').each(spec.rules, (rule, at) => {
    checkMatches(rule, at);
    checkFilters(rule.filters, rule, at);
    at.at('backendRefs').each(rule.backendRefs, (backend, place) => checkFilters(backend.filters, rule, place));
    const filters = rule.filters ?? [];
    const redirects = filters.some(({ type }) => type === 'RequestRedirect');
    if (redirects && rule.backendRefs?.length) {
      at.at('backendRefs').error('a rule that redirects has no backends', 'leave out the one or the other');
    }
    if (redirects && filters.some(({ type }) => type === 'URLRewrite')) {
      at.at('filters').error('a rule redirects or rewrites, not both', 'leave out the one or the other');
    }
  });
}

function checkMatches(rule: HttpRouteRule, check: Check): void {
  check.at('matches').each(rule.matches, ({ path, headers, queryParams }, at) => {
    const { type = 'PathPrefix', value = '/' } = path ?? {};
    if (type === 'RegularExpression') checkRegex(value, at.at('path', 'value'));
    else checkPath(value, at.at('path', 'value'));
    for (const [field, list] of [
      ['headers', headers],
      ['queryParams', queryParams],
    ] as const) {
      at.at(field).each(list, (condition, place) => {
        if (condition.type === 'RegularExpression') checkRegex(condition.value, place.at('value'));
      });
    }
  });
}

/** What a request's path never has once it is normalized. */
const NEVER = ['//', '/./', '/../', '%2f', '%2F', '#'];

function checkPath(value: string, check: Check): void {
  if (!value.startsWith('/')) check.error(`a path starts with a slash, got ${shown(value)}`, `write /${value}`);
  const never = NEVER.find((part) => value.includes(part)) ?? ['/..', '/.'].find((part) => value.endsWith(part));
  if (never) check.error(`a path has no ${shown(never)}, got ${shown(value)}`);
}

const FIELDS: Record<HttpRouteFilter['type'], keyof HttpRouteFilter> = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  ExtensionRef: 'extensionRef',
  CORS: 'cors',
  ExternalAuth: 'externalAuth',
};

/** Those that may stand several times in one list. */
const REPEATED = new Set<string>(['RequestMirror', 'ExtensionRef', 'ExternalAuth']);

function checkFilters(filters: readonly HttpRouteFilter[] | undefined, rule: HttpRouteRule, check: Check): void {
  const seen = new Set<string>();
  check.at('filters').each(filters, (filter, at) => {
    const field = FIELDS[filter.type];
    if (filter[field] === undefined) at.error(`a filter of type ${filter.type} has the field ${field}`);
    for (const other of Object.values(FIELDS)) {
      if (other !== field && filter[other] !== undefined) {
        at.at(other).error(
          `a filter of type ${filter.type} has no ${other}`,
          'leave it out, or make it a filter of its own',
        );
      }
    }
    if (seen.has(filter.type) && !REPEATED.has(filter.type)) at.error(`the filter ${filter.type} stands twice`);
    seen.add(filter.type);
    const path = (filter.urlRewrite ?? filter.requestRedirect)?.path;
    if (path?.type === 'ReplacePrefixMatch' && !hasOnePrefix(rule)) {
      at.error('ReplacePrefixMatch needs a rule with one match, by PathPrefix');
    }
  });
}

function hasOnePrefix({ matches }: HttpRouteRule): boolean {
  if (!matches?.length) return true;
  return matches.length === 1 && (matches[0]!.path?.type ?? 'PathPrefix') === 'PathPrefix';
}
