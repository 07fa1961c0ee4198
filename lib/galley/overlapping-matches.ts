/**
 * Rules of a VirtualService that repeat what earlier rules match already. Told as Istio tells it; what follows from the
 * meaning of matches rather than from their text is told by `shadowed-rules.ts`.
 */
import type { HTTPMatchRequest } from '../api/networking/http-match';
import type { HTTPRoute } from '../api/networking/http-route';
import type { StringMatch } from '../api/networking/string-match';
import type { VirtualService } from '../api/networking/virtual-service';
import { type Code, findingAbout } from './catalogue';
import type { Finding } from './finding';

const NAME = 'schemaValidation.CollectionValidationAnalyzer';

interface Rule {
  name?: string;
  match?: readonly object[];
}

const known = new WeakMap<VirtualService, readonly Finding[]>();

/** What the texts of the matches of one object show. */
export function overlapsOf(object: VirtualService): readonly Finding[] {
  let findings = known.get(object);
  if (!findings) {
    findings = [
      ...(['http', 'tcp', 'tls'] as const).flatMap((protocol) =>
        repeated(object, protocol, object.spec[protocol] ?? []),
      ),
      ...coveredPrefixes(object, object.spec.http ?? []),
    ];
    known.set(object, findings);
  }
  return findings;
}

function told(object: VirtualService, code: Code, path: string, message: string): Finding {
  return findingAbout(object, code, NAME, { path, message });
}

/** Rules with the matches of earlier ones, and rules after one that matches everything. */
function repeated(object: VirtualService, protocol: string, rules: readonly Rule[]): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, number>();
  let everything: number | undefined;
  for (const [index, rule] of rules.entries()) {
    const path = `spec.${protocol}[${index}]`;
    const matches = rule.match ?? [];
    if (matches.length === 0 || everything !== undefined) {
      if (everything !== undefined) {
        const message = `the rule ${nameOf(rule, index)} is never used, ${nameOf(rules[everything]!, everything)} before it matches everything`;
        findings.push(told(object, 'IST0130', path, message));
      }
      everything = matches.length === 0 ? index : everything;
      continue;
    }
    let repeats = 0;
    for (const [place, match] of matches.entries()) {
      const text = textOf(match);
      const earlier = seen.get(text);
      if (earlier === undefined) {
        seen.set(text, index);
        continue;
      }
      repeats++;
      const message = `this match stands in the rule ${nameOf(rules[earlier]!, earlier)} already`;
      findings.push(told(object, 'IST0131', `${path}.match[${place}]`, message));
    }
    if (repeats === matches.length) {
      const message = `the rule ${nameOf(rule, index)} is never used, earlier rules have all of its matches`;
      findings.push(told(object, 'IST0130', path, message));
    }
  }
  return findings;
}

function nameOf(rule: Rule, index: number): string {
  return rule.name ? JSON.stringify(rule.name) : `#${index}`;
}

const MAPS = new Set(['headers', 'withoutHeaders', 'queryParams', 'sourceLabels']);

/** The same text for matches that say the same, whatever their names and the order of their fields. */
function textOf(match: object): string {
  const fields = Object.entries(match)
    .filter(([key, value]) => key !== 'name' && !isZero(key, value))
    .map(([key, value]) => [key, MAPS.has(key) ? Object.entries(value as object).sort(byKey) : value])
    .sort(byKey as (a: unknown[], b: unknown[]) => number);
  return JSON.stringify(fields);
}

function byKey([a]: [string, ...unknown[]], [b]: [string, ...unknown[]]): number {
  return a < b ? -1 : 1;
}

/** Whether a field says no more than a missing one. */
function isZero(key: string, value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.length === 0;
  }
  return MAPS.has(key) ? Object.keys(value as object).length === 0 : !value;
}

interface Prefix {
  rule: string;
  path: string;
  prefix: string;
  port: number;
  method: string;
  authority: string;
  maps: readonly ReadonlyMap<string, string>[];
}

/** Matches of a prefix that begins with an earlier one, and that are alike in everything else. */
function coveredPrefixes(object: VirtualService, rules: readonly HTTPRoute[]): Finding[] {
  const last = rules.findIndex((rule) => !rule.match?.length);
  const seen = new Set<string>();
  const prefixes: Prefix[] = [];
  for (const [index, rule] of (last < 0 ? rules : rules.slice(0, last)).entries()) {
    for (const [place, match] of (rule.match ?? []).entries()) {
      const text = textOf(match);
      if (!seen.has(text) && match.uri?.prefix) {
        prefixes.push(prefixOf(match, nameOf(rule, index), `spec.http[${index}].match[${place}]`));
      }
      seen.add(text);
    }
  }
  return prefixes.flatMap((later, index) =>
    prefixes
      .slice(0, index)
      .filter((earlier) => covers(earlier, later))
      .map((earlier) => {
        const message = `the prefix ${later.prefix} begins with ${earlier.prefix}, which ${earlier.path} of the rule ${earlier.rule} matches before`;
        return told(object, 'IST0131', later.path, message);
      }),
  );
}

function prefixOf(match: HTTPMatchRequest, rule: string, path: string): Prefix {
  return {
    rule,
    path,
    prefix: match.uri!.prefix!,
    port: match.port ?? 0,
    method: kindAndText(match.method) || 'exactGET',
    authority: kindAndText(match.authority),
    maps: [match.headers, match.queryParams, match.withoutHeaders].map(
      (map) => new Map(Object.entries(map ?? {}).map(([key, value]) => [key, kindAndText(value)])),
    ),
  };
}

function kindAndText(match: StringMatch | undefined): string {
  if (match?.exact) {
    return `exact${match.exact}`;
  }
  return match?.prefix ? `prefix${match.prefix}` : '';
}

function covers(earlier: Prefix, later: Prefix): boolean {
  return (
    later.prefix !== earlier.prefix &&
    later.prefix.startsWith(earlier.prefix) &&
    later.port === earlier.port &&
    earlier.method.startsWith(later.method) &&
    earlier.authority.startsWith(later.authority) &&
    earlier.maps.every((map, index) => isWithin(map, later.maps[index]!))
  );
}

function isWithin(earlier: ReadonlyMap<string, string>, later: ReadonlyMap<string, string>): boolean {
  return (
    earlier.size === later.size &&
    [...earlier].every(([key, text]) => later.has(key) && text.startsWith(later.get(key)!))
  );
}
