/** A service of its own that is asked about requests before they reach theirs. */
import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import type { ExtensionProvider } from '../lib/api';
import type { Mesh } from './mesh';
import { operationOf } from './operation';
import type { Port } from './port';
import type { IMeshService } from './service-version';
import { type Duration, durationText } from './units';

/** Who is asked, and how. */
export interface ExternalAuthorizerProps {
  readonly mesh: Mesh;
  /** The service that decides. */
  readonly service: IMeshService;
  /** Its port. Default: its first. A port of `Port.grpc` is asked by Envoy's ext_authz API, another by HTTP. */
  readonly port?: Port;
  /** What becomes of requests while it does not answer. Default: they are refused. */
  readonly whenUnreachable?: 'refuse' | 'allow';
  /** How long an answer may take. Default: 600 s, as in the API. */
  readonly timeout?: Duration;
  /** By HTTP: the headers of requests that it gets, besides the method, the path and the host. Default: none. */
  readonly headers?: readonly string[];
  /** By HTTP: put in front of the path of the question. */
  readonly pathPrefix?: string;
}

/** Which requests it is asked about; all that is given has to hold. */
export interface AuthorizerScope {
  /** Default: all. */
  readonly methods?: readonly string[];
  /** Default: all. */
  readonly paths?: readonly string[];
}

/** An extension provider of the mesh, and the CUSTOM policies that ask it. */
export class ExternalAuthorizer extends Construct {
  /** By which policies name it: its path in the program. */
  readonly providerName: string;

  constructor(scope: Construct, id: string, props: ExternalAuthorizerProps) {
    super(scope, id);
    this.providerName = this.node.path.replaceAll('/', '-').toLowerCase();
    props.mesh.addExtensionProvider(providerOf(this.providerName, props));
  }

  /** Has requests to a service decided by it. DENY and ALLOW policies have their say after it. */
  decidesFor(service: IMeshService, scope: AuthorizerScope = {}): this {
    const operation = operationOf(this, scope);
    new ApiObject(this, `AuthorizationPolicy-${service.namespace}-${service.name}`, {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: `${service.name}-${this.node.id.toLowerCase()}`, namespace: service.namespace },
      spec: {
        selector: { matchLabels: service.podLabels },
        action: 'CUSTOM',
        provider: { name: this.providerName },
        rules: [Object.keys(operation).length > 0 ? { to: [{ operation }] } : {}],
      },
    });
    return this;
  }
}

function providerOf(name: string, props: ExternalAuthorizerProps): ExtensionProvider {
  const { service, port = service.ports[0]!, whenUnreachable, timeout, headers, pathPrefix } = props;
  const common = {
    service: `${service.namespace}/${service.host}`,
    port: port.number,
    failOpen: whenUnreachable === 'allow',
    ...(timeout && { timeout: durationText(timeout) }),
  };
  if (port.protocol === 'grpc') return { name, envoyExtAuthzGrpc: common };
  return {
    name,
    envoyExtAuthzHttp: {
      ...common,
      ...(headers && { includeRequestHeadersInCheck: [...headers] }),
      ...(pathPrefix && { pathPrefix }),
    },
  };
}
