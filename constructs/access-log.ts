/** Where every proxy reports the requests it has seen. */

/** A log of requests. */
export class AccessLog {
  /** A line of JSON per request on the proxy's standard output. */
  static stdout(): AccessLog {
    return new AccessLog('stdout');
  }

  /** A stream to the control plane, which counts who calls whom; it keeps no requests. */
  static controlPlane(): AccessLog {
    return new AccessLog('control-plane');
  }

  private constructor(
    /** Where the log goes. */
    readonly sink: 'stdout' | 'control-plane',
  ) {}
}
