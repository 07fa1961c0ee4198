/**
 * Whether every request that one match takes is taken by another one too. Answers yes only where that is certain: of two
 * regular expressions it is known when they are the same text, or when one of them takes everything.
 */
import { RE2JS } from 're2js';
import type { HTTPMatchRequest } from '../../api/networking/http-match';
import type { StringMatch } from '../../api/networking/string-match';
import type { L4MatchAttributes, TLSMatchAttributes } from '../../api/networking/virtual-service';

type Strings = Readonly<Record<string, StringMatch>>;
type L4Match = L4MatchAttributes & Pick<Partial<TLSMatchAttributes>, 'sniHosts'>;

/** Longer texts are not run through an expression. */
const MAX_TEXT = 4096;

/** @param gateways those at the top of the VirtualService. */
export function coversHttp(
  earlier: HTTPMatchRequest,
  later: HTTPMatchRequest,
  gateways: readonly string[] | undefined,
): boolean {
  return (
    coversSource(earlier, later, gateways) &&
    coversUri(earlier, later) &&
    coversText(earlier.scheme, later.scheme) &&
    coversText(earlier.method, later.method) &&
    coversText(earlier.authority, later.authority) &&
    coversAll(earlier.headers, later.headers) &&
    coversAll(earlier.queryParams, later.queryParams) &&
    keepsOut(later.withoutHeaders, earlier.withoutHeaders)
  );
}

/**
 * Proxies look for the narrowest server name and block of addresses first, whatever the order of the rules, so that only
 * the same names and blocks stand in each other's way.
 */
export function coversL4(earlier: L4Match, later: L4Match, gateways: readonly string[] | undefined): boolean {
  return (
    coversSource(earlier, later, gateways) &&
    sameAmong(earlier.sniHosts, later.sniHosts) &&
    sameAmong(earlier.destinationSubnets, later.destinationSubnets)
  );
}

function sameAmong(earlier: readonly string[] | undefined, later: readonly string[] | undefined): boolean {
  if (!earlier?.length) return !later?.length;
  return Boolean(later?.length) && later!.every((text) => earlier.includes(text));
}

type Source = Pick<HTTPMatchRequest, 'port' | 'sourceLabels' | 'sourceNamespace' | 'gateways'>;

function coversSource(earlier: Source, later: Source, gateways: readonly string[] | undefined): boolean {
  const labels = Object.entries(earlier.sourceLabels ?? {});
  const where = firstOf(earlier.gateways, gateways);
  return (
    (!earlier.port || earlier.port === later.port) &&
    (!earlier.sourceNamespace || earlier.sourceNamespace === later.sourceNamespace) &&
    labels.every(([key, value]) => later.sourceLabels?.[key] === value) &&
    firstOf(later.gateways, gateways).every((gateway) => where.includes(gateway))
  );
}

function firstOf(own: readonly string[] | undefined, top: readonly string[] | undefined): readonly string[] {
  if (own?.length) return own;
  return top?.length ? top : ['mesh'];
}

function coversUri(earlier: HTTPMatchRequest, later: HTTPMatchRequest): boolean {
  if (takesAll(earlier.uri) || earlier.uri?.prefix === '/') return true;
  if (earlier.ignoreUriCase && !earlier.uri?.regex) return coversText(lower(earlier.uri), lower(later.uri));
  return !later.ignoreUriCase || later.uri?.regex !== undefined ? coversText(earlier.uri, later.uri) : false;
}

function lower(match: StringMatch | undefined): StringMatch | undefined {
  if (match?.exact !== undefined) return { exact: match.exact.toLowerCase() };
  return match?.prefix === undefined ? match : { prefix: match.prefix.toLowerCase() };
}

/** Whatever `earlier` keeps out, `later` keeps out too. */
function keepsOut(later: Strings | undefined, earlier: Strings | undefined): boolean {
  return Object.entries(earlier ?? {}).every(([key, condition]) => {
    const other = later && Object.hasOwn(later, key) ? later[key] : undefined;
    return other !== undefined && coversText(other, condition);
  });
}

/** Each condition of `earlier` holds where those of `later` do. An empty condition asks for presence only. */
function coversAll(earlier: Strings | undefined, later: Strings | undefined): boolean {
  return Object.entries(earlier ?? {}).every(([key, condition]) => {
    const other = later && Object.hasOwn(later, key) ? later[key] : undefined;
    return other !== undefined && coversText(condition, other);
  });
}

function coversText(earlier: StringMatch | undefined, later: StringMatch | undefined): boolean {
  if (takesAll(earlier)) return true;
  if (later === undefined || takesAll(later)) return false;
  if (earlier!.exact !== undefined) return later.exact === earlier!.exact;
  if (earlier!.prefix !== undefined)
    return (later.exact ?? later.prefix ?? head(later.regex!)).startsWith(earlier!.prefix);
  if (later.regex !== undefined) return later.regex === earlier!.regex;
  return later.exact !== undefined && matches(earlier!.regex!, later.exact);
}

function takesAll(match: StringMatch | undefined): boolean {
  if (match === undefined) return true;
  const { exact, prefix, regex } = match;
  if (regex !== undefined) return regex === '.*' || regex === '^.*$';
  return exact === undefined && (prefix === undefined || prefix === '');
}

/** With what every text begins that the expression takes. */
function head(regex: string): string {
  if (/[|()]/.test(regex)) return '';
  const literal = /^\^?([A-Za-z0-9/_~%=&:@ -]*)(.?)/.exec(regex)!;
  return '*?{'.includes(literal[2]!) && literal[2] ? literal[1]!.slice(0, -1) : literal[1]!;
}

function matches(regex: string, text: string): boolean {
  try {
    return text.length <= MAX_TEXT && RE2JS.compile(regex).matches(text);
  } catch {
    // Galley's validation speaks about expressions that are none.
    return false;
  }
}
