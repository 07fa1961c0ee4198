/** The rules of RateLimit. */
import type { RateLimitKey, RateLimitMatch, RateLimitSpec } from '../../api/malha/rate-limit';
import { shown } from '../schema-check';
import type { Check } from './check';
import { isHeaderName } from './headers';
import { checkSelector } from './labels';
import { checkStringMatch } from './string-match';

const GATEWAY_GROUP = 'gateway.networking.k8s.io';

export function checkRateLimit(spec: RateLimitSpec, check: Check): void {
  checkSelector(spec.selector, check.at('selector'));
  check.at('targetRefs').each(spec.targetRefs, ({ group = '', kind }, at) => {
    if (group !== GATEWAY_GROUP || (kind !== 'Gateway' && kind !== 'GatewayClass')) {
      at.error(
        `a rate limit holds for one of ${GATEWAY_GROUP}/Gateway, ${GATEWAY_GROUP}/GatewayClass, got ${shown(`${group}/${kind}`)}`,
        'name workloads by a selector',
      );
    }
  });
  checkMode(spec, check);
  check.at('rules').each(spec.rules, ({ match, key, limit }, at) => {
    checkMatch(match, at.at('match'));
    checkKey(key, at.at('key'));
    if (limit.burst !== undefined && spec.mode === 'global') {
      at.at('limit', 'burst').error('burst is only for mode: local', 'raise requests, or leave burst out');
    }
  });
}

/** Whether requests pass while nobody can count is nobody's default. */
function checkMode({ mode = 'local', onUnavailable, timeout }: RateLimitSpec, check: Check): void {
  if (mode === 'global') {
    if (onUnavailable === undefined) {
      check
        .at('onUnavailable')
        .error(
          'onUnavailable is missing, mode: global needs it',
          'say allow to let requests pass while nobody can count them, or deny to refuse them',
        );
    }
    return;
  }
  if (onUnavailable !== undefined) {
    check.at('onUnavailable').error('onUnavailable is only for mode: global, a proxy by itself can always count');
  }
  if (timeout !== undefined) check.at('timeout').error('timeout is only for mode: global');
}

function checkMatch(match: RateLimitMatch | undefined, check: Check): void {
  if (!match) return;
  if (Object.keys(match).length === 0) {
    check.error('a match has one of path, methods, headers, ports, got none', 'leave match out to match everything');
  }
  if (match.path) checkPath(match.path, check.at('path'));
  for (const field of ['methods', 'ports'] as const) {
    if (match[field]?.length === 0) {
      check.at(field).error(`${field} must not be an empty list`, `leave ${field} out to match every one`);
    }
  }
  check.at('methods').each(match.methods, (method, at) => {
    if (!/^[A-Z][A-Z-]*$/.test(method))
      at.error(`a method is written in capital letters, as in GET, got ${shown(method)}`);
  });
  for (const [name, value] of Object.entries(match.headers ?? {})) {
    const at = check.at('headers', name);
    checkName(name, at);
    checkStringMatch(value, at);
  }
}

function checkPath(path: NonNullable<RateLimitMatch['path']>, check: Check): void {
  const text = path.exact ?? path.prefix;
  if (text === undefined && path.regex === undefined) check.error('a path has one of exact, prefix, regex, got none');
  checkStringMatch(path, check);
  if (text?.includes('?')) check.error(`a path is compared without its query, got ${shown(text)}`);
  else if (text && !text.startsWith('/')) check.error(`a path begins with /, got ${shown(text)}`);
}

function checkKey(key: RateLimitKey | undefined, check: Check): void {
  if (!key) return;
  if (key.by !== 'header') {
    if (key.header !== undefined) check.at('header').error(`header is only for by: header, got by: ${key.by}`);
    return;
  }
  if (key.header === undefined) check.at('header').error('header is missing, by: header needs it');
  else checkName(key.header, check.at('header'));
}

function checkName(name: string, check: Check): void {
  if (!isHeaderName(name)) check.error(`${shown(name)} is not the name of a header`);
}
