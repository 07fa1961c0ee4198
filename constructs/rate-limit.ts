/** How many requests a service or a gateway takes. */
import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import {
  apiVersionOf,
  type HTTPMatchRequest,
  RateLimit as kind,
  type RateLimitMatch,
  type RateLimitSpec,
} from '../lib/api';
import { Match } from './match';
import { type Problem, problemAt } from './problem';
import { type Duration, durationText } from './units';

/** A number of requests in a time: `Rate.perMinute(100)`. */
export class Rate {
  /** @throws when `requests` is not a whole number from 1 to 1,000,000,000. */
  static perSecond(requests: number): Rate {
    return new Rate(requests, 'second');
  }

  /** @throws when `requests` is not a whole number from 1 to 1,000,000,000. */
  static perMinute(requests: number): Rate {
    return new Rate(requests, 'minute');
  }

  /** @throws when `requests` is not a whole number from 1 to 1,000,000,000. */
  static perHour(requests: number): Rate {
    return new Rate(requests, 'hour');
  }

  /** @throws when `requests` is not a whole number from 1 to 1,000,000,000. */
  static perDay(requests: number): Rate {
    return new Rate(requests, 'day');
  }

  private constructor(
    readonly requests: number,
    /** In this time. */
    readonly per: 'second' | 'minute' | 'hour' | 'day',
  ) {
    if (!Number.isInteger(requests) || requests < 1 || requests > 1_000_000_000) {
      throw new Error(`requests of a Rate: got ${requests}; allowed: a whole number from 1 to 1,000,000,000`);
    }
  }
}

/** What has a limit of its own: `LimitKey.caller()`, `LimitKey.header('x-user')`. */
export class LimitKey {
  /** Each identity that a caller has proven by mutual TLS; callers without one share a limit. */
  static caller(): LimitKey {
    return new LimitKey({ by: 'caller' });
  }

  /** Each value of the header, of up to 256 characters; longer ones, and requests without it, share a limit. */
  static header(name: string): LimitKey {
    return new LimitKey({ by: 'header', header: name.toLowerCase() });
  }

  /** Each address of a client; for IPv6, each /64 network. */
  static remoteAddress(): LimitKey {
    return new LimitKey({ by: 'remoteAddress' });
  }

  /** Each path, without its query, of up to 256 characters; longer ones share a limit. */
  static path(): LimitKey {
    return new LimitKey({ by: 'path' });
  }

  private constructor(
    /** As a RateLimit has it. @internal */
    readonly key: { by: 'caller' | 'header' | 'remoteAddress' | 'path'; header?: string },
  ) {}
}

/** Who counts: each proxy for itself, or the control plane for all of them. */
export class Counting {
  /** Each proxy counts for itself; all together take the limit times their number. */
  static perProxy(): Counting {
    return new Counting({ mode: 'local' });
  }

  /**
   * The control plane counts for all proxies together.
   * @param whenUnavailable what happens to requests while nobody can count.
   * @param timeout how long a proxy waits for the count. Default: 100 ms.
   */
  static together(whenUnavailable: 'allow' | 'deny', timeout?: Duration): Counting {
    return new Counting({
      mode: 'global',
      onUnavailable: whenUnavailable,
      ...(timeout && { timeout: durationText(timeout) }),
    });
  }

  private constructor(
    /** As a RateLimit has it. @internal */
    readonly fields: Pick<RateLimitSpec, 'mode' | 'onUnavailable' | 'timeout'>,
  ) {}
}

/** A limit of a service or gateway. */
export interface LimitProps {
  /** How many requests may pass. */
  readonly rate: Rate;
  /** What has the whole rate for itself. Default: nothing, it is for all requests together. */
  readonly by?: LimitKey;
  /**
   * Only requests for which all of these hold. By path, method and headers; of `Match.any`, methods alone. Default: all requests.
   */
  readonly match?: readonly Match[];
  /** Who counts. Default: each proxy for itself. */
  readonly counting?: Counting;
  /** So many more requests may pass at once after a quiet time. Only where each proxy counts for itself. Default: none. */
  readonly burst?: number;
  /** Answers tell the limit and what is left of it. Default: true. */
  readonly responseHeaders?: boolean;
}

/** Whose requests are limited. @internal */
export interface Limited extends Construct {
  readonly name: string;
  readonly namespace: string;
}

/** Written for `service.addLimit` and `gateway.addLimit`. @internal */
export class RateLimit extends Construct {
  constructor(scope: Limited, id: string, labels: Readonly<Record<string, string>>, props: LimitProps) {
    super(scope, `RateLimit-${id}`);
    const { rate, by, burst, counting = Counting.perProxy(), responseHeaders } = props;
    const problem = problemOf(props);
    if (problem) throw problemAt(scope, { ...problem, what: `limit '${id}' ${problem.what}` });
    const match = matchOf(props.match ?? []);
    new ApiObject(this, 'RateLimit', {
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: { name: `${scope.name}-${id}`, namespace: scope.namespace },
      spec: {
        selector: { matchLabels: labels },
        ...counting.fields,
        ...(responseHeaders === false && { responseHeaders }),
        rules: [
          {
            ...(match && { match }),
            ...(by && { key: by.key }),
            limit: { requests: rate.requests, per: rate.per, ...(burst !== undefined && { burst }) },
          },
        ],
      } satisfies RateLimitSpec,
    });
  }
}

function problemOf({ burst, counting, match = [] }: LimitProps): Problem | undefined {
  if (burst !== undefined && counting?.fields.mode === 'global') {
    return {
      code: 'MAL0160',
      what: 'has a burst that nobody counts',
      got: `burst ${burst} beside Counting.together`,
      allowed: 'a burst where each proxy counts for itself',
      fix: 'raise the rate, or leave burst out',
    };
  }
  if (burst !== undefined && (!Number.isInteger(burst) || burst < 0)) {
    return {
      code: 'MAL0160',
      what: 'has a burst that is none',
      got: `${burst}`,
      allowed: 'a whole number',
      fix: 'pass one',
    };
  }
  const alternatives = Match.all(match);
  const foreign = alternatives.flatMap(Object.keys).find((part) => !['uri', 'method', 'headers'].includes(part));
  if (foreign) {
    return {
      code: 'MAL0161',
      what: 'looks at what a limit does not know',
      got: foreign,
      allowed: 'conditions on path, method and headers',
      fix: foreign.startsWith('source') ? 'count by: LimitKey.caller()' : 'leave that condition out',
    };
  }
  if (new Set(alternatives.map(withoutMethod)).size > 1) {
    return {
      code: 'MAL0161',
      what: 'has alternatives, which would be counted apart',
      got: `${alternatives.length} ways to match`,
      allowed: 'one path and one set of headers, and any methods',
      fix: 'write Match.pathRegex for several paths, or declare one limit for each',
    };
  }
  return undefined;
}

function withoutMethod({ method: _, ...rest }: HTTPMatchRequest): string {
  return JSON.stringify(rest);
}

/** Alternatives differ by their methods only. */
function matchOf(matches: readonly Match[]): RateLimitMatch | undefined {
  const alternatives = Match.all(matches);
  const [first] = alternatives;
  if (!first) return undefined;
  const { uri, headers } = first;
  const methods = alternatives.flatMap(({ method }) => method?.exact ?? []);
  return {
    ...(uri && { path: uri }),
    ...(methods.length > 0 && { methods }),
    ...(headers && { headers }),
  };
}
