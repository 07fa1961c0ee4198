/** What becomes of a request. */

/** Where a share of the requests goes. */
export interface Destination {
  /** Envoy's name: `outbound|9080|v1|reviews.shop.svc.cluster.local`. */
  readonly cluster: string;
  /** The part of the requests that goes there, from 0 to 1. */
  readonly share: number;
  /** The host, subset (empty without one) and port in the cluster's name; absent for clusters that have other names. */
  readonly service?: { readonly host: string; readonly subset: string; readonly port: number };
  /** `address:port` of the endpoints that Envoy may use, by priority; empty where Envoy itself finds them. */
  readonly endpoints: readonly string[];
  /** Where there is nothing behind the share: what it is answered with. */
  readonly status?: number;
}

interface Judged {
  /** The names of what decided, from the outside in. */
  readonly by: {
    readonly listener: string;
    readonly routes?: string;
    readonly virtualHost?: string;
    readonly route?: string;
  };
}

/** What a route does to requests on purpose, each with the part of the requests (0 to 1) that it is done to. */
export interface Faults {
  readonly delay?: { readonly duration: string; readonly share: number };
  /** `grpcStatus` where the answer is one of gRPC. */
  readonly abort?: { readonly status: number; readonly grpcStatus?: number; readonly share: number };
}

/** The request goes on to a service. */
export interface Forward extends Judged {
  readonly kind: 'forward';
  readonly destinations: readonly Destination[];
  /** The path and the authority that the service sees. Not for connections without HTTP. */
  readonly path?: string;
  readonly authority?: string;
  /** As Envoy has it: `2s`; `0s` is no limit. */
  readonly timeout?: string;
  /** The clusters that get a copy. */
  readonly mirrors: readonly string[];
  /** Aborts that do not hit every request, and delays. */
  readonly faults?: Faults;
  /** Clusters of external authorizers that every request of this kind needs the yes of. */
  readonly asked?: readonly string[];
  /** The proxy keeps the caller's token to itself. */
  readonly keepsToken?: true;
}

/** The proxy answers with a redirect. */
export interface Redirect extends Judged {
  readonly kind: 'redirect';
  readonly status: number;
  readonly location: string;
}

/** The proxy answers by itself: as a route tells it to, with a fault, or to a preflight of CORS. */
export interface Response extends Judged {
  readonly kind: 'response';
  readonly status: number;
  readonly body: string;
  /** Of an answer to gRPC. */
  readonly grpcStatus?: number;
  /** Those that a preflight is answered with, in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The request gets nowhere. */
export interface Refusal {
  readonly kind: 'refusal';
  /** The status that the client sees; absent where the connection is closed. */
  readonly status?: number;
  /** Of an answer to gRPC. */
  readonly grpcStatus?: number;
  readonly why: string;
}

export type Answer = Forward | Redirect | Response | Refusal;
