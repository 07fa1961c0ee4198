/** A call as authorization sees it: who calls, from where, and what. */

export interface Call {
  /** The URI in the certificate that the caller has proven, `spiffe://…`; absent without mutual TLS. */
  readonly peer?: string;
  /** Of the connection. */
  readonly sourceAddress: string;
  /** Of the client behind proxies. Default: `sourceAddress`. */
  readonly remoteAddress?: string;
  readonly destinationAddress: string;
  /** At the workload. */
  readonly destinationPort: number;
  /** The server name that a TLS client asked for. */
  readonly sni?: string;
  /** Absent where the port is not read as HTTP. */
  readonly http?: HttpCall;
}

export interface HttpCall {
  readonly method: string;
  readonly authority: string;
  /** Normalized, with its query. */
  readonly path: string;
  /** By lower-case names. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** The payload of a token that has been checked. */
  readonly claims?: Readonly<Record<string, unknown>>;
}
