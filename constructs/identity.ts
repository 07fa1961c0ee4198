/** How workloads of the mesh prove who they are, and whether they take plain traffic. */
import type { ProxyIdentity } from '../lib/injector';

/** How a workload gets its key and its certificate. */
export class Identity {
  /** By a podCertificate volume (Kubernetes' certificates.k8s.io/v1): the key is made on the node and never leaves it. */
  static podCertificate(): Identity {
    return new Identity('podCertificate');
  }

  /**
   * From the control plane, over the proxy's stream, for clusters without podCertificate volumes. The weaker way: the key
   * is made by the control plane and crosses the wire once. `malha analyze` warns of it (MAL0041).
   */
  static sds(): Identity {
    return new Identity('sds');
  }

  private constructor(
    /** As the injector calls it. @internal */
    readonly way: Exclude<ProxyIdentity, 'none'>,
  ) {}
}

/** What a workload takes: mutual TLS, plain traffic, or both. https://istio.io/latest/docs/concepts/security/#peer-authentication */
export class MtlsMode {
  /** Mutual TLS alone: who shows no certificate of the mesh is refused. */
  static strict(): MtlsMode {
    return new MtlsMode('STRICT');
  }

  /** Both, for the time in which some callers are not in the mesh yet. */
  static permissive(): MtlsMode {
    return new MtlsMode('PERMISSIVE');
  }

  /** Plain traffic alone. */
  static disabled(): MtlsMode {
    return new MtlsMode('DISABLE');
  }

  private constructor(
    /** As PeerAuthentication spells it. @internal */
    readonly mode: 'STRICT' | 'PERMISSIVE' | 'DISABLE',
  ) {}
}

/** What happens to calls that no `calls`, `allowCallsFrom` or `expose` declares. */
export class UndeclaredCalls {
  /** They are refused: an AuthorizationPolicy of the root namespace allows nothing. */
  static refuse(): UndeclaredCalls {
    return new UndeclaredCalls(true);
  }

  /** They get through to every service for which nothing is declared. For the time of a migration. */
  static allow(): UndeclaredCalls {
    return new UndeclaredCalls(false);
  }

  private constructor(
    /** @internal */
    readonly areRefused: boolean,
  ) {}
}
