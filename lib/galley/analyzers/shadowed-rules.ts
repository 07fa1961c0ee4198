/**
 * Rules and matches of a VirtualService that no request comes to, by what matches mean: the first rule that matches is
 * taken (VirtualService reference, `http`). What the text of the matches shows already is told when the object is judged alone.
 */
import type { HTTPMatchRequest } from '../../api/networking/http-match';
import { VirtualService } from '../../api/networking/virtual-service';
import { type Code, findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { overlapsOf } from '../overlapping-matches';
import type { Analysis } from './analysis';
import { coversHttp, coversL4 } from './match-cover';
import { isVisible, namespaceOf, visibility } from './names';

const NAME = 'virtualservice.ShadowedRulesAnalyzer';

type Match = Pick<HTTPMatchRequest, 'gateways' | 'sourceNamespace'>;

interface Rule {
  name?: string;
  match?: readonly Match[];
}

interface Taken {
  match: Match;
  path: string;
}

/** A list with more matches than this is compared no further: each is held against all before it. */
const MAX_MATCHES = 2000;

export function shadowedRules(analysis: Analysis): Finding[] {
  return analysis.of<VirtualService>(VirtualService).flatMap((object) => {
    const { http, tls, tcp, gateways } = object.spec;
    const found = [
      ...shadowed(analysis, object, 'http', http, (a, b) => coversHttp(a, b, gateways)),
      ...shadowed(analysis, object, 'tls', tls, (a, b) => coversL4(a, b, gateways)),
      ...shadowed(analysis, object, 'tcp', tcp, (a, b) => coversL4(a, b, gateways)),
    ];
    if (found.length === 0) return [];
    const told = new Set(overlapsOf(object).map(({ code, path }) => `${code} ${path}`));
    return found.filter(({ code, path }) => !told.has(`${code === 'MAL0003' ? 'IST0130' : 'IST0131'} ${path}`));
  });
}

function shadowed(
  analysis: Analysis,
  object: VirtualService,
  protocol: string,
  rules: readonly Rule[] | undefined,
  covers: (earlier: Match, later: Match) => boolean,
): Finding[] {
  const findings: Finding[] = [];
  const taken: Taken[] = [];
  const tell = (code: Code, path: string, message: string) =>
    findings.push(findingAbout(object, code, NAME, { path, message }));
  for (const [index, rule] of (rules ?? []).entries()) {
    const path = `spec.${protocol}[${index}]`;
    const matches = rule.match?.length ? rule.match : [{}];
    const lost = matches.map((match, place) => {
      const never = neverReached(analysis, object, match);
      if (never) return { place, reason: never };
      const earlier = taken.find((each) => covers(each.match, match));
      return earlier && { place, reason: `${earlier.path} before it takes everything that it would` };
    });
    const reasons = lost.flatMap((each) => each ?? []);
    if (reasons.length === matches.length) {
      const [first] = reasons;
      const rest = reasons.length > 1 ? `, and its other matches are lost alike` : '';
      tell('MAL0003', path, `no request comes to this rule: ${first!.reason}${rest}`);
    } else {
      for (const { place, reason } of reasons) {
        tell('MAL0004', `${path}.match[${place}]`, `no request comes to this match: ${reason}`);
      }
    }
    for (const [place, match] of matches.entries()) {
      if (taken.length < MAX_MATCHES && !lost[place]) {
        taken.push({ match, path: rule.match?.length ? `${path}.match[${place}]` : `${path}, which has no match,` });
      }
    }
  }
  return findings;
}

/** Why a match cannot hold for anyone who sees the object. */
function neverReached(analysis: Analysis, object: VirtualService, match: Match): string | undefined {
  const top = object.spec.gateways?.length ? object.spec.gateways : ['mesh'];
  const namespace = namespaceOf(object);
  const whole = (gateway: string) =>
    gateway === 'mesh' || gateway.includes('/') ? gateway.replace(/^\.\//, `${namespace}/`) : `${namespace}/${gateway}`;
  const bound = top.map(whole);
  if (match.gateways?.length && !match.gateways.some((gateway) => bound.includes(whole(gateway)))) {
    return `it is for the gateways ${match.gateways.join(', ')}, the VirtualService for ${top.join(', ')}`;
  }
  const exportTo = object.spec.exportTo?.length
    ? object.spec.exportTo
    : analysis.meshConfig.defaultVirtualServiceExportTo;
  const { sourceNamespace } = match;
  if (sourceNamespace && !isVisible(visibility(exportTo, namespace), sourceNamespace)) {
    return `the namespace ${sourceNamespace} does not see the VirtualService, by its exportTo`;
  }
  return undefined;
}
