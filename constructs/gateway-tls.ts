/** How a gateway proves who it is to its clients. */

/** A certificate of a gateway. */
export class GatewayTls {
  /** The certificate and key of a Secret (kubernetes.io/tls) in the namespace of the gateway. */
  static fromSecret(name: string): GatewayTls {
    return new GatewayTls(name);
  }

  private constructor(
    /** The Secret that holds it. */
    readonly secretName: string,
  ) {}
}
