/** The matches of HTTP routes. */
import type { HTTPMatchRequest } from '../../api/networking/http-match';
import type { StringMatch } from '../../api/networking/string-match';
import { shown } from '../schema-check';
import type { Check } from './check';
import { isPlainHeaderName } from './headers';
import { isLabel } from './host';
import { checkLabels } from './labels';
import { checkPort } from './port';
import { checkStringMatch } from './string-match';
import { checkGatewayNames } from './visibility';

export function checkHttpMatch(match: HTTPMatchRequest, check: Check): void {
  checkStringMatch(match.uri, check.at('uri'));
  checkStringMatch(match.scheme, check.at('scheme'));
  checkStringMatch(match.method, check.at('method'));
  checkStringMatch(match.authority, check.at('authority'));
  checkHeaderMatches(match.headers, check.at('headers'));
  checkHeaderMatches(withoutStars(match.withoutHeaders), check.at('withoutHeaders'));
  for (const [name, value] of Object.entries(match.queryParams ?? {})) {
    checkStringMatch(value, check.at('queryParams', name));
  }
  if (match.port !== undefined && match.port !== 0) {
    checkPort(match.port, check.at('port'));
  }
  if (match.sourceNamespace && !isLabel(match.sourceNamespace)) {
    check.at('sourceNamespace').error(`${shown(match.sourceNamespace)} is not the name of a namespace`);
  }
  checkLabels(match.sourceLabels, check.at('sourceLabels'));
  checkGatewayNames(match.gateways, check.at('gateways'));
}

/** In withoutHeaders, `*` is no expression but means any value. */
function withoutStars(headers: Record<string, StringMatch> | undefined): Record<string, StringMatch> {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([, match]) => match.regex !== '*'));
}

function checkHeaderMatches(headers: Record<string, StringMatch> | undefined, check: Check): void {
  for (const [name, match] of Object.entries(headers ?? {})) {
    if (!isClaim(name) && !isPlainHeaderName(name)) {
      check.at(name).error(`${shown(name)} is not the name of a header`);
    }
    checkStringMatch(match, check.at(name));
  }
}

/** Routes on claims of tokens are written as headers: `@request.auth.claims.sub`, `@request.auth.claims[a][b]`. */
export function isClaim(name: string): boolean {
  return /^@request\.auth\.claims(\.|\[)./i.test(name);
}
