/**
 * Who may call a service, and what: the rules that `calls`, `allowCallsFrom` and `denyCallsFrom` write, as one
 * AuthorizationPolicy of the service for each action.
 */
import { ApiObject, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import type { Rule } from '../lib/api';
import { operationOf } from './operation';
import type { Port } from './port';
import { problemAt } from './problem';
import type { IMeshService } from './service-version';

/** A workload with an identity of its own. */
export interface ICaller {
  readonly namespace: string;
  /** The service account that it runs under. */
  readonly serviceAccountName: string;
}

/** Callers that the program does not declare. */
export class Caller {
  private constructor(
    /** What is compared, as the API has it. @internal */
    readonly source: Readonly<Record<string, readonly string[]>> | undefined,
  ) {}

  /** By the name in its certificate: `cluster.local/ns/batch/sa/job`; `*` at one end stands for anything. */
  static principal(name: string): Caller {
    return new Caller({ principals: [name] });
  }

  /** A service account of a namespace. */
  static serviceAccount(namespace: string, name: string): Caller {
    return new Caller({ serviceAccounts: [`${namespace}/${name}`] });
  }

  /** Every workload of a namespace. */
  static namespace(name: string): Caller {
    return new Caller({ namespaces: [name] });
  }

  /** Whoever shows a good token of this issuer; see `requireJwt`. */
  static tokenOf(issuer: string): Caller {
    return new Caller({ requestPrincipals: [`${issuer}/*`] });
  }

  /** Everyone, also without a certificate. */
  static anyone(): Caller {
    return new Caller(undefined);
  }
}

/** Which calls are meant; left out, all. All that is given has to hold. */
export interface CallOptions {
  /** In capitals, as in requests: `GET`; `*` at one end stands for anything. */
  readonly methods?: readonly string[];
  /** Whole paths, `/a/*`, `*.png`, or templates such as `/users/{*}/cards`. */
  readonly paths?: readonly string[];
  /** Of the service. */
  readonly ports?: readonly Port[];
  /** Further conditions: the API's attributes, such as `request.headers[x-team]`, and the values of which one has to match. */
  readonly when?: Readonly<Record<string, readonly string[]>>;
}

/** The rules of one action for one service. */
export class CallPolicy extends Construct {
  private readonly rules: Rule[] = [];

  constructor(
    private readonly service: IMeshService & Construct,
    action: 'ALLOW' | 'DENY',
  ) {
    super(service, action === 'ALLOW' ? 'Callers' : 'RefusedCallers');
    const { name, namespace, podLabels } = service;
    new ApiObject(this, 'AuthorizationPolicy', {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: `${name}-${action === 'ALLOW' ? 'callers' : 'refused-callers'}`, namespace },
      spec: {
        selector: { matchLabels: podLabels },
        action,
        rules: Lazy.any({ produce: () => this.rules }),
      },
    });
  }

  /** From anyone. */
  addOperation(operation: { ports: string[]; methods: string[]; paths: string[] }): void {
    this.rules.push({ to: [{ operation }] } as Rule);
  }

  /** Where requests to a port of the service arrive: with explicit capture, at the sidecar's. */
  private arrivalPort({ number, targetPort }: Port): number {
    return this.service.ports.find((port) => port.number === number)?.targetPort ?? targetPort;
  }

  add(caller: ICaller | Caller, options: CallOptions = {}): void {
    const { methods, paths, ports, when } = options;
    if ((methods || paths) && !this.service.ports.some(({ isHttp }) => isHttp)) {
      throw problemAt(this.service, {
        code: 'MAL0111',
        what: 'methods and paths are only told apart in requests',
        got: `ports ${this.service.ports.map(({ number, protocol }) => `${number} (${protocol})`).join(', ')}`,
        allowed: 'at least one port of Port.http, Port.http2 or Port.grpc',
        fix: 'leave methods and paths out, or declare the protocol that the workload speaks',
      });
    }
    const source = caller instanceof Caller ? caller.source : { principals: [principalOf(caller)] };
    const operation = {
      ...operationOf(this.service, { methods, paths }),
      ...(ports && { ports: ports.map((port) => String(this.arrivalPort(port))) }),
    };
    const conditions = Object.entries(when ?? {}).map(([key, values]) => ({ key, values: [...values] }));
    this.rules.push({
      ...(source && { from: [{ source }] }),
      ...(Object.keys(operation).length > 0 && { to: [{ operation }] }),
      ...(conditions.length > 0 && { when: conditions }),
    } as Rule);
  }
}

/** `cluster.local` stands for the trust domain of the mesh, whatever its name. */
function principalOf({ namespace, serviceAccountName }: ICaller): string {
  return `cluster.local/ns/${namespace}/sa/${serviceAccountName}`;
}
