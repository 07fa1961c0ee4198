/** A service that sees the requests to others on their way, and changes them. */
import { Construct } from 'constructs';
import { any } from '../lib/envoy/message';
import { EnvoyChange, ProxySide } from './envoy/envoy-change';
import { EnvoyPatch } from './envoy/envoy-patch';
import type { MeshService } from './mesh-service';
import type { Port } from './port';
import { problemAt } from './problem';
import { Duration, durationText } from './units';

/** Who processes, and what it sees. */
export interface ExternalProcessingProps {
  /** The service that processes; it speaks Envoy's ext_proc API, as `malha/ext-proc` serves it. */
  readonly service: MeshService<string>;
  /** Its port, one of `Port.grpc`. Default: its first. */
  readonly port?: Port;
  /** What becomes of requests that cannot be processed: it does not answer, is late, or fails. Default: they are refused. */
  readonly whenFailing?: 'refuse' | 'pass';
  /** How long each of its answers may take. Default: 200 ms, as in Envoy. */
  readonly timeout?: Duration;
  /**
   * What it sees besides the headers of requests. A body is held in the proxy until all of it is there; one that does not fit in the
   * proxy's buffer (1 MiB) is refused with 413. Default: nothing.
   */
  readonly sees?: readonly ('requestBody' | 'responseHeaders' | 'responseBody')[];
}

/** An external processor, for services that ask it. */
export class ExternalProcessing extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ExternalProcessingProps,
  ) {
    super(scope, id);
    const { protocol, number } = this.port;
    if (protocol !== 'grpc') {
      throw problemAt(this, {
        code: 'MAL0174',
        what: 'a processor is asked over gRPC',
        got: `port ${number} (${protocol})`,
        allowed: 'a port of Port.grpc',
        fix: 'declare it as Port.grpc, or pass port: …',
      });
    }
  }

  private get port(): Port {
    return this.props.port ?? this.props.service.ports[0]!;
  }

  /** Has requests to a service processed, after they were authorized; its proxies may call the processor from then on. */
  processFor(service: MeshService<string>): this {
    const { service: processor, whenFailing, sees = [], timeout = Duration.millis(200) } = this.props;
    const body = (part: 'requestBody' | 'responseBody') => (sees.includes(part) ? 'BUFFERED' : 'NONE');
    service.calls(processor);
    const config = any('envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor', {
      grpc_service: {
        envoy_grpc: { cluster_name: `outbound|${this.port.number}||${processor.host}`, authority: processor.host },
      },
      failure_mode_allow: whenFailing === 'pass',
      message_timeout: durationText(timeout) as `${number}s`,
      processing_mode: {
        request_header_mode: 'SEND',
        response_header_mode: sees.includes('responseHeaders') || sees.includes('responseBody') ? 'SEND' : 'SKIP',
        request_body_mode: body('requestBody'),
        response_body_mode: body('responseBody'),
        request_trailer_mode: 'SKIP',
        response_trailer_mode: 'SKIP',
      },
    });
    new EnvoyPatch(this, `ext-proc-${service.namespace}-${service.name}`, {
      service,
      changes: [
        EnvoyChange.httpFilter(ProxySide.INBOUND, {}, { name: `ext_proc.${this.node.id}`, typed_config: config }),
      ],
    });
    return this;
  }
}
