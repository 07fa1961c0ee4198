/** The rules of RequestAuthentication. */
import type { JWTRule, RequestAuthenticationSpec } from '../../api/security/request-authentication';
import { isForbiddenHost, usableKeys } from '../../world';
import { shown } from '../schema-check';
import type { Check } from './check';
import { isHeaderName } from './headers';
import { checkSelector, checkTargets } from './labels';

export function checkRequestAuthentication(spec: RequestAuthenticationSpec, check: Check): void {
  checkSelector(spec.selector, check.at('selector'));
  checkTargets(spec, check);
  check.at('jwtRules').each(spec.jwtRules, checkJwtRule);
}

function checkJwtRule(rule: JWTRule, check: Check): void {
  if (!rule.issuer && !rule.jwksUri) {
    check.error('a rule has an issuer or a jwksUri, got none');
  }
  if (rule.issuer && !rule.jwks && !rule.jwksUri && !rule.jwks_uri && !canTellItsKeys(rule.issuer)) {
    check
      .at('issuer')
      .unserved(
        `the keys of ${shown(rule.issuer)} cannot be found, because it is no https URL: every token of it is refused; set jwksUri or jwks`,
      );
  }
  for (const field of ['jwksUri', 'jwks_uri'] as const) {
    if (rule[field]) {
      checkUri(rule[field], check.at(field));
    }
  }
  if (rule.jwks) {
    checkJwks(rule.jwks, check.at('jwks'));
  }
  check.at('outputClaimToHeaders').each(rule.outputClaimToHeaders, ({ header }, at) => {
    if (!isHeaderName(header)) {
      at.at('header').error(`${shown(header)} is not the name of a header`);
    }
  });
}

/** OpenID Connect Discovery 1.0, section 3: an issuer is an https URL without query and fragment. */
function canTellItsKeys(issuer: string): boolean {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  return url?.protocol === 'https:' && !url.search && !url.hash;
}

function checkUri(uri: string, check: Check): void {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    check.error(`expected a URL with http:// or https://, got ${shown(uri)}`);
  } else if (isForbiddenHost(url.hostname)) {
    check.error(
      `keys are not fetched from the machine itself or from a metadata service, got ${shown(uri)}`,
      'name the host of the issuer, or put its keys into jwks',
    );
  }
}

/** Members of a key that only its owner should have (RFC 7518). */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'];

function checkJwks(text: string, check: Check): void {
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown }).keys;
  } catch {
    check.error('expected a JSON Web Key Set, got text that is no JSON');
    return;
  }
  if (!Array.isArray(keys)) {
    check.error('expected a JSON Web Key Set with a list of keys');
    return;
  }
  if (keys.some((key) => typeof key === 'object' && key !== null && PRIVATE.some((member) => member in key))) {
    check.warning(
      'the key set holds a private or symmetric key, which every proxy would get',
      'publish the public keys only',
    );
  } else if (usableKeys(text)?.length === 0) {
    check.warning(
      'the key set holds no public key that signatures can be checked with, so that every token of the issuer is refused',
      'give a key of kty RSA (2048 bits or more), EC or OKP',
    );
  }
}
