/**
 * Which statistics an Envoy keeps. It would count some thousand things about every service of the mesh that nobody
 * asks for; what is not kept costs neither memory nor a scrape. Kept are the metrics of the mesh, and what operators
 * ask of a proxy; a Pod's annotations add to it.
 */
import { RE2JS } from 're2js';
import type { envoy } from '../envoy/generated/envoy';

type StatsMatcher = envoy.config.metrics.v3.StatsMatcher;

/** What to keep beside the defaults, by names as Envoy has them (`cluster.outbound|80||web.shop.svc.cluster.local.upstream_rq_total`). */
export interface StatsInclusion {
  readonly prefixes?: readonly string[];
  readonly suffixes?: readonly string[];
  /** RE2, of the whole name. */
  readonly regexps?: readonly string[];
}

const PREFIXES = [
  'istio_',
  'cluster_manager.',
  'listener_manager.',
  'server.',
  'cluster.xds-grpc.',
  'cluster.xds-standby.',
  'control_plane.',
  'runtime.load_error',
];

/** What was refused, retried, ejected or went over a limit, for whichever service. */
const SUFFIXES = [
  'rbac.allowed',
  'rbac.denied',
  'shadow_allowed',
  'shadow_denied',
  'downstream_cx_active',
  'ssl.handshake',
  'ssl.connection_error',
  'ssl.fail_verify_error',
  'ssl.fail_verify_san',
  'upstream_rq_retry',
  'upstream_rq_pending_overflow',
  'outlier_detection.ejections_active',
  'outlier_detection.ejections_enforced_total',
  'http_local_rate_limit.rate_limited',
  'ratelimit.error',
  'ratelimit.over_limit',
  'ratelimit.failure_mode_allowed',
  'ext_authz.denied',
  'ext_authz.error',
  'ext_authz.failure_mode_allowed',
  'jwt_authn.denied',
  'logs_written',
  'logs_dropped',
];

export function statsMatcher({ prefixes = [], suffixes = [], regexps = [] }: StatsInclusion = {}): StatsMatcher {
  return {
    inclusion_list: {
      patterns: [
        ...[...PREFIXES, ...prefixes].map((prefix) => ({ prefix })),
        ...[...SUFFIXES, ...suffixes].map((suffix) => ({ suffix })),
        ...regexps.map((regex) => ({ safe_regex: { regex } })),
      ],
    },
  };
}

const ANNOTATION = 'sidecar.istio.io/statsInclusion';

/**
 * What the annotations `sidecar.istio.io/statsInclusionPrefixes`, `…Suffixes` and `…Regexps` add, separated by commas.
 * @throws when an expression is no RE2: Envoy would not start with it.
 */
export function statsInclusionOf(annotations: Readonly<Record<string, string>>): StatsInclusion {
  const list = (what: string) =>
    (annotations[ANNOTATION + what] ?? '')
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '');
  const regexps = checkedExpressions(list('Regexps'), `annotation ${ANNOTATION}Regexps`);
  return { prefixes: list('Prefixes'), suffixes: list('Suffixes'), regexps };
}

/** @throws when one is no RE2: Envoy would not start with it. */
export function checkedExpressions(regexps: readonly string[], where: string): readonly string[] {
  for (const regexp of regexps) {
    try {
      RE2JS.compile(regexp);
    } catch (error) {
      throw new Error(`${where}: '${regexp}' is no regular expression (${(error as Error).message})`);
    }
  }
  return regexps;
}

export function mergedInclusion(...inclusions: readonly (StatsInclusion | undefined)[]): StatsInclusion {
  const all = (list: keyof StatsInclusion) => inclusions.flatMap((inclusion) => inclusion?.[list] ?? []);
  return { prefixes: all('prefixes'), suffixes: all('suffixes'), regexps: all('regexps') };
}
