/** The service that runs the checks of plugins, as part of the mesh. */
import { Construct } from 'constructs';
import { checksOf } from '../../lib/plugin';
import { type AuthorizerScope, ExternalAuthorizer } from '../external-authorizer';
import type { Mesh } from '../mesh';
import { MeshService } from '../mesh-service';
import { Port } from '../port';
import { problemAt } from '../problem';
import { Duration } from '../units';
import { Workload } from '../workload';
import type { Plugin } from '.';

/** Which checks decide, and where they run. */
export interface PluginAuthorizerProps {
  readonly mesh: Mesh;
  /** Asked in this order; the first that refuses decides. Each has checks. */
  readonly plugins: readonly Plugin[];
  /** An image of this version of Malha with the plugins installed in its working folder; docs/plugins.md shows the two lines. */
  readonly image: string;
  /** What becomes of requests while the authorizer does not answer at all. Default: they are refused. */
  readonly whenUnreachable?: 'refuse' | 'allow';
  /** For all checks of one request together. What is later is refused. Default: 250 ms. */
  readonly timeout?: Duration;
  /** Pods. Default: 2. */
  readonly replicas?: number;
}

const PORT = 9191;
const HTTP_PORT = 9192;
/** How much longer than the checks themselves a proxy waits: for the way there and back, and a Pod that is busy. */
const WAY_MILLISECONDS = 250;

/** Runs `malha authorizer` as a service of the chart's namespace, named by the id, and has the proxies of services ask it. */
export class PluginAuthorizer extends Construct {
  /** The service that proxies ask. */
  readonly service: MeshService;
  private readonly authorizer: ExternalAuthorizer;

  constructor(scope: Construct, id: string, props: PluginAuthorizerProps) {
    super(scope, id);
    const { mesh, plugins, image, whenUnreachable, replicas, timeout = Duration.millis(250) } = props;
    const idle = plugins.filter((plugin) => checksOf([plugin]).length === 0).map(({ name }) => name);
    if (plugins.length === 0 || idle.length > 0) {
      throw problemAt(this, {
        code: 'MAL0170',
        what: 'an authorizer decides by the checks of plugins',
        got: plugins.length === 0 ? 'no plugin' : `${idle.join(', ')} without any`,
        allowed: 'plugins with checks',
        fix: plugins.length === 0 ? 'pass plugins: [ … ]' : 'leave them out here; mesh.use is for their other parts',
      });
    }
    const milliseconds = timeout.toMilliseconds();
    const command = [
      'authorizer',
      ...plugins.flatMap(({ name }) => ['--plugin', name]),
      '--timeout',
      String(milliseconds),
    ];
    this.service = new MeshService(this, 'service', {
      mesh,
      name: id.toLowerCase(),
      port: Port.grpc(PORT),
      versions: {
        v1: Workload.image(image, {
          args: [...command, '--grpc', `0.0.0.0:${PORT}`, '--http', `0.0.0.0:${HTTP_PORT}`],
          replicas,
          runLocally: `$(MALHA) ${command.join(' ')} --grpc $(APP_ADDRESS):${PORT} --http 127.0.0.1:0`,
        }),
      },
    });
    this.authorizer = new ExternalAuthorizer(this, 'provider', {
      mesh,
      service: this.service,
      whenUnreachable,
      timeout: Duration.millis(milliseconds + WAY_MILLISECONDS),
    });
  }

  /** By which policies name it. */
  get providerName(): string {
    return this.authorizer.providerName;
  }

  /**
   * Has requests to a service decided by the checks; its proxies may call the authorizer from then on. DENY and ALLOW policies have
   * their say after it.
   */
  decidesFor(service: MeshService<string>, scope?: AuthorizerScope): this {
    service.calls(this.service);
    this.authorizer.decidesFor(service, scope);
    return this;
  }
}
