/** A port of a service, with the protocol that is spoken on it: the mesh routes by it, so it is never guessed. */

/** How a port differs from the default of its protocol. */
export interface PortOptions {
  /** The name of the port in the Service. Default: the protocol, and `protocol-number` for the second port of one protocol. */
  readonly name?: string;
  /** The port on which the workload listens. Default: the port itself. */
  readonly targetPort?: number;
}

/** A port and its protocol: `Port.http(9080)`. */
export class Port {
  /** HTTP/1.1, and HTTP/2 where the client asks for it. */
  static http(number: number, options: PortOptions = {}): Port {
    return new Port(number, 'http', options);
  }

  /** HTTP/2 in clear text, without an upgrade. */
  static http2(number: number, options: PortOptions = {}): Port {
    return new Port(number, 'http2', options);
  }

  /** gRPC, which is HTTP/2 with its own status codes. */
  static grpc(number: number, options: PortOptions = {}): Port {
    return new Port(number, 'grpc', options);
  }

  /** Anything else: connections are forwarded, not read. */
  static tcp(number: number, options: PortOptions = {}): Port {
    return new Port(number, 'tcp', options);
  }

  /** TLS that the workload itself speaks: routed by its server name, not read. */
  static tls(number: number, options: PortOptions = {}): Port {
    return new Port(number, 'tls', options);
  }

  /** The name given by the program, if any. */
  readonly name?: string;
  /** The port on which the workload listens. */
  readonly targetPort: number;

  private constructor(
    /** The port that callers name. */
    readonly number: number,
    /** The Service's `appProtocol`: `http`, `http2`, `grpc`, `tcp` or `tls`. */
    readonly protocol: string,
    options: PortOptions,
  ) {
    this.name = options.name;
    this.targetPort = options.targetPort ?? number;
    for (const [what, value] of [
      ['port', number],
      ['targetPort', this.targetPort],
    ] as const) {
      if (!Number.isInteger(value) || value < 1 || value > 65535) {
        throw new Error(`${what} of Port.${protocol}: got ${value}; allowed: a whole number from 1 to 65535`);
      }
    }
  }

  /** The same port, which leads to another of the workload. @internal */
  withTargetPort(targetPort: number): Port {
    return new Port(this.number, this.protocol, { name: this.name, targetPort });
  }

  /** Whether requests can be told apart on this port, so that routes apply to it. */
  get isHttp(): boolean {
    return this.protocol === 'http' || this.protocol === 'http2' || this.protocol === 'grpc';
  }
}

/** Ports with a name each, unique within one service: the first port of a protocol carries the protocol's name. */
export function namedPorts(ports: readonly Port[]): { port: Port; name: string }[] {
  const taken = new Set<string>();
  return ports.map((port) => {
    const name = port.name ?? (taken.has(port.protocol) ? `${port.protocol}-${port.number}` : port.protocol);
    taken.add(name);
    return { port, name };
  });
}
