/**
 * Retries multiply along a chain of calls: where each of three callers tries four times, a service that fails gets 64
 * requests for one, just when it is weak (https://sre.google/sre-book/addressing-cascading-failures/, "Retries").
 */
import type { HTTPRetry } from '../../api/networking/http-route';
import { VirtualService } from '../../api/networking/virtual-service';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { type Call, callsOf } from './call-graph';

const NAME = 'virtualservice.RetryAmplificationAnalyzer';

/** More requests than this, for one at the beginning of the chain, are told of. */
const LIMIT = 10;

const DEFAULT_ATTEMPTS = 2;

/** Conditions under which the service has not begun to work on the request; to retry on these costs it nothing. */
const HARMLESS = new Set(['connect-failure', 'refused-stream', 'reset-before-request']);

interface Chain {
  readonly requests: number;
  /** From the first caller on. */
  readonly hosts: readonly string[];
  /** How often each of them is tried. */
  readonly tries: readonly number[];
  /** How many of the steps retry. */
  readonly retrying: number;
}

export function retryAmplification(analysis: Analysis): Finding[] {
  const retrying = analysis
    .of<VirtualService>(VirtualService)
    .flatMap(({ spec }) => (spec.http ?? []).filter(({ retries }) => triesOf(retries) > 1));
  if (retrying.length < 2 && !analysis.meshConfig.defaultHttpRetryPolicy) return [];
  const chains = new Chains(callsOf(analysis), analysis.meshConfig.defaultHttpRetryPolicy);
  const worst = new Map<string, { call: Call; chain: Chain }>();
  for (const call of chains.calls) {
    if (!call.route || chains.tries(call) < 2) continue;
    const chain = chains.through(call);
    const key = `${call.route.object.metadata.namespace}/${call.route.object.metadata.name}/${call.route.index}`;
    const known = worst.get(key);
    if (chain && chain.retrying > 1 && chain.requests > LIMIT && chain.requests > (known?.chain.requests ?? 0)) {
      worst.set(key, { call, chain });
    }
  }
  return [...worst.values()].map(({ call, chain }) => {
    const { object, index } = call.route!;
    const message = `one request can become ${chain.requests} at ${call.to}: ${stepsOf(chain)}`;
    return findingAbout(object, 'MAL0006', NAME, { path: `spec.http[${index}].retries`, message });
  });
}

function stepsOf({ hosts, tries }: Chain): string {
  return hosts.map((host, i) => (tries[i]! > 1 ? `${host} (${tries[i]} tries)` : host)).join(' → ');
}

/** How often a request is sent in all, where its failure costs the service something. */
function triesOf(retries: HTTPRetry | undefined): number {
  if (!retries) return 1;
  const conditions = (retries.retryOn ?? '').split(',').flatMap((part) => part.trim() || []);
  if (conditions.length > 0 && conditions.every((condition) => HARMLESS.has(condition))) return 1;
  return 1 + Math.max(0, retries.attempts ?? DEFAULT_ATTEMPTS);
}

/** Longer chains are not followed; and each round of the search lengthens chains by one call. */
const MAX_STEPS = 16;

class Chains {
  /** The worst chain that ends at each service. */
  private readonly worst = new Map<string, Chain>();

  constructor(
    readonly calls: readonly Call[],
    private readonly meshWide: HTTPRetry | undefined,
  ) {
    for (let round = 0, changed = true; changed && round < MAX_STEPS; round++) {
      changed = false;
      for (const call of calls) {
        const chain = this.through(call);
        if (chain && chain.requests > (this.worst.get(call.to)?.requests ?? 1)) {
          this.worst.set(call.to, chain);
          changed = true;
        }
      }
    }
  }

  tries({ route }: Call): number {
    return triesOf(route?.object.spec.http?.[route.index]?.retries ?? this.meshWide);
  }

  /** The worst chain that ends with this call; none where that would go in a circle. */
  through(call: Call): Chain | undefined {
    const before = this.worst.get(call.from) ?? { requests: 1, hosts: [call.from], tries: [1], retrying: 0 };
    if (before.hosts.length >= MAX_STEPS || before.hosts.includes(call.to)) return undefined;
    const tries = this.tries(call);
    return {
      requests: before.requests * tries,
      hosts: [...before.hosts, call.to],
      tries: [...before.tries, tries],
      retrying: before.retrying + Number(tries > 1),
    };
  }
}
