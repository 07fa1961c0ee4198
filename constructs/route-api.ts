/** In which API the routes of a construct are written. */

/** Both APIs are served alike, and what one says the other says too, so far as it has words for it. */
export class RouteApi {
  /** VirtualServices, and Gateways of Istio: everything that constructs can say. */
  static istio(): RouteApi {
    return new RouteApi(false);
  }

  /**
   * HTTPRoutes, and Gateways of the Gateway API, for clusters where its CRDs are. Versions become Services of their own, since these are all that its routes lead
   * to. What it has no words for is reported at synthesis: faults, routes by caller, an order of routes that is not by what is
   * more specific.
   */
  static gatewayApi(): RouteApi {
    return new RouteApi(true);
  }

  private constructor(
    /** @internal */
    readonly isGatewayApi: boolean,
  ) {}
}
