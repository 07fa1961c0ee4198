/** How callers choose among the endpoints of a service. */
import type { LoadBalancerSettings } from '../lib/api';
import { type Duration, durationText } from './units';

/** What all ways of balancing have in common. */
export interface LoadBalancingOptions {
  /** An endpoint that is new gets its full share only after this time. Default: at once. */
  readonly slowStart?: Duration;
}

/** A cookie by which callers stay with an endpoint. */
export interface StickyCookieOptions {
  /** How long it lives. Envoy makes it where the client has none. Default: as long as the client's session. */
  readonly lifetime?: Duration;
  /** The path for which it is set. Default: all. */
  readonly path?: string;
}

/** A way of balancing: `LoadBalancing.leastRequest()`, `LoadBalancing.byHeader('x-user')`. */
export class LoadBalancing {
  /** The endpoint with fewer requests in flight, of two that chance picks. The default of a service. */
  static leastRequest(options: LoadBalancingOptions = {}): LoadBalancing {
    return simple('LEAST_REQUEST', options);
  }

  /** One endpoint after the other. */
  static roundRobin(options: LoadBalancingOptions = {}): LoadBalancing {
    return simple('ROUND_ROBIN', options);
  }

  /** Any endpoint. */
  static random(): LoadBalancing {
    return simple('RANDOM', {});
  }

  /** Requests with the same value of a header go to the same endpoint, as long as there is one. */
  static byHeader(name: string): LoadBalancing {
    return new LoadBalancing({ consistentHash: { httpHeaderName: name.toLowerCase() } });
  }

  /** Requests with the same cookie go to the same endpoint. */
  static byCookie(name: string, { lifetime, path }: StickyCookieOptions = {}): LoadBalancing {
    const httpCookie = { name, ...(path && { path }), ttl: lifetime ? durationText(lifetime) : '0s' };
    return new LoadBalancing({ consistentHash: { httpCookie } });
  }

  /** Requests with the same value of a query parameter go to the same endpoint. */
  static byQueryParameter(name: string): LoadBalancing {
    return new LoadBalancing({ consistentHash: { httpQueryParameterName: name } });
  }

  /** Connections from the same address go to the same endpoint. */
  static bySourceAddress(): LoadBalancing {
    return new LoadBalancing({ consistentHash: { useSourceIp: true } });
  }

  /** @internal */
  constructor(
    /** As the traffic policy of a DestinationRule has it. @internal */
    readonly settings: LoadBalancerSettings,
  ) {}
}

function simple(name: NonNullable<LoadBalancerSettings['simple']>, { slowStart }: LoadBalancingOptions): LoadBalancing {
  return new LoadBalancing({ simple: name, ...(slowStart && { warmup: { duration: durationText(slowStart) } }) });
}
