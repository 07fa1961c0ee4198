/** One change to Envoy's configuration: where, how, and a value of Envoy's own type. */
import type { EnvoyConfigObjectMatch, EnvoyConfigObjectPatch } from '../../lib/api';
import type { MessageTypes } from '../../lib/envoy/generated/envoy';
import type { PATCHED_MESSAGES, Patched } from '../../lib/world';
import type { IMeshService } from '../service-version';

/** The message that a change of this sort holds. */
type ValueOf<P extends Patched> = MessageTypes[(typeof PATCHED_MESSAGES)[P]];
type HttpFilter = ValueOf<'HTTP_FILTER'>;

/** On which side of the proxy. */
export enum ProxySide {
  /** What comes to a sidecar's application. */
  INBOUND = 'SIDECAR_INBOUND',
  /** What a sidecar's application sends. */
  OUTBOUND = 'SIDECAR_OUTBOUND',
  /** What a gateway takes and sends on. */
  GATEWAY = 'GATEWAY',
}

/** Which clusters. All that is given has to hold. */
export interface ClusterPlace {
  /** Default: every service. */
  readonly service?: IMeshService;
  /** Default: every port. */
  readonly port?: number;
  /** The name of a version. Default: every one. */
  readonly version?: string;
}

/** Which HTTP filters: those of the listeners on one side. */
export interface HttpFilterPlace {
  /** The port of the listener; on the way in, that of the workload. Default: every port. */
  readonly port?: number;
}

/** Which routes. All that is given has to hold. */
export interface RoutePlace {
  /** The route configuration of a port. Default: of every port. */
  readonly port?: number;
  /** Requests to that service. Default: to any. */
  readonly service?: IMeshService;
  /** The name of the route. Default: every route. */
  readonly route?: string;
}

const MANAGER = 'envoy.filters.network.http_connection_manager';
const ROUTER = 'envoy.filters.http.router';

/** A change of an `EnvoyPatch`: made by one of the static methods, written out as an entry of an EnvoyFilter. */
export class EnvoyChange {
  private constructor(
    private readonly applyTo: Patched,
    private readonly operation: string,
    private readonly match: EnvoyConfigObjectMatch,
    private readonly value?: object,
  ) {}

  /** Merges into clusters. Lists of `value` take the place of those that are there: of two thresholds, Envoy takes the first. */
  static cluster(side: ProxySide, place: ClusterPlace, value: ValueOf<'CLUSTER'>): EnvoyChange {
    const cluster = {
      ...(place.service && { service: place.service.host }),
      ...(place.port !== undefined && { portNumber: place.port }),
      ...(place.version && { subset: place.version }),
    };
    return new EnvoyChange('CLUSTER', 'MERGE_AND_REPLACE_LIST', { context: side, cluster }, value);
  }

  /** A cluster more, under a name that no other has. */
  static addCluster(side: ProxySide, value: ValueOf<'CLUSTER'>): EnvoyChange {
    return new EnvoyChange('CLUSTER', 'ADD', { context: side }, value);
  }

  /** Puts an HTTP filter before another. Default: before the router, which is the last. */
  static httpFilter(side: ProxySide, place: HttpFilterPlace, value: HttpFilter, before = ROUTER): EnvoyChange {
    return new EnvoyChange('HTTP_FILTER', 'INSERT_BEFORE', filterAt(side, place, before), value);
  }

  /** Merges into the HTTP filter of that name; its configuration has to be of the same type. */
  static mergeHttpFilter(side: ProxySide, place: HttpFilterPlace, name: string, value: HttpFilter): EnvoyChange {
    return new EnvoyChange('HTTP_FILTER', 'MERGE', filterAt(side, place, name), value);
  }

  /** Takes the HTTP filter of that name out. */
  static removeHttpFilter(side: ProxySide, place: HttpFilterPlace, name: string): EnvoyChange {
    return new EnvoyChange('HTTP_FILTER', 'REMOVE', filterAt(side, place, name));
  }

  /** Merges into routes. */
  static route(side: ProxySide, place: RoutePlace, value: ValueOf<'HTTP_ROUTE'>): EnvoyChange {
    return new EnvoyChange('HTTP_ROUTE', 'MERGE', routeAt(side, place), value);
  }

  /** Merges into virtual hosts. */
  static virtualHost(side: ProxySide, place: RoutePlace, value: ValueOf<'VIRTUAL_HOST'>): EnvoyChange {
    return new EnvoyChange('VIRTUAL_HOST', 'MERGE', routeAt(side, place), value);
  }

  /** Merges into the listener of that name, such as `virtualInbound`. */
  static listener(side: ProxySide, name: string, value: ValueOf<'LISTENER'>): EnvoyChange {
    return new EnvoyChange('LISTENER', 'MERGE', { context: side, listener: { name } }, value);
  }

  /** @internal */
  get entry(): EnvoyConfigObjectPatch {
    const { applyTo, match, operation, value } = this;
    return { applyTo, match, patch: { operation, ...(value && { value }) } } as EnvoyConfigObjectPatch;
  }
}

function filterAt(context: ProxySide, { port }: HttpFilterPlace, name: string): EnvoyConfigObjectMatch {
  const filterChain = { filter: { name: MANAGER, subFilter: { name } } };
  return { context, listener: { ...(port !== undefined && { portNumber: port }), filterChain } };
}

function routeAt(context: ProxySide, { port, service, route }: RoutePlace): EnvoyConfigObjectMatch {
  const vhost = {
    ...(service && { domainName: service.host }),
    ...(route && { route: { name: route } }),
  };
  const routeConfiguration = {
    ...(port !== undefined && { portNumber: port }),
    ...(Object.keys(vhost).length > 0 && { vhost }),
  };
  return { context, routeConfiguration };
}
