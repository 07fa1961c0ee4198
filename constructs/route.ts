/** A rule of a service: which requests it takes, and where they go. Rules are tried in the order of their declaration. */
import { Construct } from 'constructs';
import type { HTTPMatchRequest, HTTPRoute } from '../lib/api';
import type { Fault } from './fault';
import { Match } from './match';
import { checkDuration, checkPercent } from './plain-value';
import type { Port } from './port';
import { type Problem, reportAtSynthesis } from './problem';
import { destinationOf, type IMeshService, type IRouteTarget } from './service-version';
import { type Duration, durationText, type Percent } from './units';

/** One share of a split. */
export interface WeightedTarget {
  /** Where this share goes. */
  readonly to: IRouteTarget;
  /** Percent of the requests, a whole number; the weights of a split add up to 100. */
  readonly weight: number;
}

/** What to do when a try fails. */
export interface Retries {
  /** How often to try again after the first try. */
  readonly attempts: number;
  /** How long one try may take. Default: the route's timeout. */
  readonly perTryTimeout?: Duration;
  /** Envoy's retry conditions. Default: the API's, connection failures and refusals before the request was processed. */
  readonly on?: readonly string[];
}

/** Somebody who gets a copy of requests; what they answer is dropped. */
export interface MirrorTarget {
  /** Where the copies go. */
  readonly to: IRouteTarget;
  /** Of how many requests there is a copy. Default: all. */
  readonly share?: Percent;
}

/** A rule: what it takes, and what happens to it. */
export interface RouteProps {
  /** All of these must hold. Default: every request. */
  readonly match?: readonly Match[];
  /** Where the requests go. Give this or `split`. */
  readonly to?: IRouteTarget;
  /** Where which share of the requests goes. Give this or `to`. */
  readonly split?: readonly WeightedTarget[];
  /** How long the whole exchange may take, retries included. Default: no limit. */
  readonly timeout?: Duration;
  /** Default: the API's, two retries of what surely was not processed. */
  readonly retries?: Retries;
  /** What is done to requests on purpose: at most one delay and one abort. Default: nothing. */
  readonly faults?: readonly Fault[];
  /** Who else gets the requests, as copies. Default: nobody. */
  readonly mirrors?: readonly MirrorTarget[];
}

/** A rule of a service. Made by `service.addRoute`. */
export class Route extends Construct {
  private readonly conditions: HTTPMatchRequest[];

  constructor(
    scope: Construct,
    /** Its name in the VirtualService. */
    readonly id: string,
    private readonly props: RouteProps,
  ) {
    super(scope, id);
    const { timeout, retries, mirrors = [] } = props;
    checkDuration(this, 'timeout', timeout);
    checkDuration(this, 'retries.perTryTimeout', retries?.perTryTimeout);
    for (const { share } of mirrors) checkPercent(this, 'share', share);
    this.conditions = Match.all(props.match ?? []);
    reportAtSynthesis(this, () => this.problems());
  }

  /** Whether it takes every request, so that no later route is ever asked. */
  get takesEverything(): boolean {
    return this.conditions.length === 0;
  }

  /** All that it sends requests or copies of them to. @internal */
  get targets(): readonly IRouteTarget[] {
    const { to, split = [], mirrors = [] } = this.props;
    return [...(to ? [to] : []), ...[...split, ...mirrors].map((each) => each.to)];
  }

  /** @internal */
  get hasTarget(): boolean {
    return this.props.to !== undefined || this.props.split !== undefined;
  }

  /**
   * The route as the mesh API writes it, for requests to one port of its service.
   * @internal
   */
  toHttpRoute(owner: IMeshService, port: Port): HTTPRoute {
    const { to, split, timeout, retries, faults = [], mirrors = [] } = this.props;
    const at = (target: IRouteTarget) => destinationOf(target, target.service === owner ? port : undefined);
    return {
      name: this.id,
      ...(!this.takesEverything && { match: this.conditions }),
      route: to ? [at(to)] : (split ?? []).map((share) => ({ ...at(share.to), weight: share.weight })),
      ...(timeout && { timeout: durationText(timeout) }),
      ...(retries && {
        retries: {
          attempts: retries.attempts,
          ...(retries.perTryTimeout && { perTryTimeout: durationText(retries.perTryTimeout) }),
          ...(retries.on && { retryOn: retries.on.join(',') }),
        },
      }),
      ...(faults.length > 0 && { fault: Object.assign({}, ...faults.map(({ injection }) => injection)) }),
      ...(mirrors.length > 0 && {
        mirrors: mirrors.map((mirror) => ({
          destination: at(mirror.to).destination,
          percentage: { value: mirror.share?.value ?? 100 },
        })),
      }),
    };
  }

  private problems(): Problem[] {
    const { to, split, retries, faults = [] } = this.props;
    const problems: Problem[] = [];
    for (const kind of ['delay', 'abort'] as const) {
      const count = faults.filter(({ injection }) => injection[kind]).length;
      if (count < 2) continue;
      problems.push({
        code: 'MAL0133',
        what: `a route has at most one fault that is a ${kind}`,
        got: String(count),
        allowed: 'one delay and one abort',
        fix: 'put the others on routes of their own',
      });
    }
    if ((to === undefined) === (split === undefined)) {
      problems.push({
        code: 'MAL0101',
        what: 'a route sends requests either to one target or to several by weight',
        got: to ? 'both to and split' : 'neither to nor split',
        allowed: 'exactly one of to and split',
        fix: to ? 'remove one of them' : `add to: service.version('…')`,
      });
    }
    if (split) problems.push(...splitProblems(split));
    if (retries && (!Number.isInteger(retries.attempts) || retries.attempts < 0)) {
      problems.push({
        code: 'MAL0104',
        what: 'retries.attempts counts tries',
        got: String(retries.attempts),
        allowed: 'a whole number, 0 for no retry',
        fix: 'round it',
      });
    }
    return problems;
  }
}

function splitProblems(split: readonly WeightedTarget[]): Problem[] {
  const weights = split.map(({ weight }) => weight);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const shown = split.map(
    ({ to, weight }) => `${to.service.name}${to.versionName ? ` ${to.versionName}` : ''} ${weight}`,
  );
  if (weights.some((weight) => !Number.isInteger(weight) || weight < 0 || weight > 100)) {
    return [
      {
        code: 'MAL0102',
        what: 'a weight of the split is not a percentage',
        got: shown.join(', '),
        allowed: 'whole numbers from 0 to 100',
        fix: 'write percent, such as 90 and 10',
      },
    ];
  }
  if (sum !== 100) {
    return [
      {
        code: 'MAL0103',
        what: 'the weights of the split do not add up to 100',
        got: `${shown.join(', ')}, together ${sum}`,
        allowed: 'a sum of 100',
        fix: sum < 100 ? `give ${100 - sum} more to one of them` : `take ${sum - 100} from one of them`,
      },
    ];
  }
  return [];
}
