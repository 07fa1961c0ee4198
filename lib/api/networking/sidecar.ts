/** Sidecar: what a workload's proxy knows of the mesh. https://istio.io/latest/docs/reference/config/networking/sidecar/ */

import { networkingKind } from '../kind';
import type { KubeObject } from '../object';
import { choice, list, message, type Static, text, texts, uint32, unserved } from '../schema';
import { NetworkingWorkloadSelector } from '../selector';
import { ConnectionPoolSettings } from './connection-pool';
import { Destination } from './destination';
import { ServerTLSSettings } from './server-tls';

export const SidecarPort = message(
  {
    number: uint32('The port number.'),
    protocol: text('HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS.'),
    name: text('A name for the port.'),
    targetPort: unserved(uint32('Has no effect.')),
  },
  { description: 'A port on which the proxy listens.' },
);
export type SidecarPort = Static<typeof SidecarPort>;

const captureMode = choice(
  ['DEFAULT', 'IPTABLES', 'NONE'],
  'How traffic comes to the listener: as the environment has it, by redirection, or sent to it on purpose.',
);

export const IstioIngressListener = message(
  {
    port: SidecarPort,
    bind: text('The address to listen on. Default: that of the workload.'),
    captureMode,
    defaultEndpoint: text(
      'Where the traffic goes: `127.0.0.1:PORT`, `[::1]:PORT`, `0.0.0.0:PORT`, `[::]:PORT` or `unix:///path`.',
    ),
    tls: ServerTLSSettings,
    connectionPool: ConnectionPoolSettings,
  },
  { description: 'A port on which the workload takes traffic.', required: ['port'] },
);
export type IstioIngressListener = Static<typeof IstioIngressListener>;

export const IstioEgressListener = message(
  {
    port: SidecarPort,
    bind: text('The address to listen on.'),
    captureMode,
    hosts: texts('Services that the workload reaches: `namespace/host`; `.` is its own namespace, `*` all, `~` none.'),
  },
  { description: 'What the workload may reach.', required: ['hosts'] },
);
export type IstioEgressListener = Static<typeof IstioEgressListener>;

export const OutboundTrafficPolicy = message(
  {
    mode: choice(['REGISTRY_ONLY', 'ALLOW_ANY'], 'Whether traffic to unknown destinations is dropped or passed on.'),
    egressProxy: Destination,
  },
  { description: 'What happens to traffic to unknown destinations.' },
);
export type OutboundTrafficPolicy = Static<typeof OutboundTrafficPolicy>;

export const SidecarSpec = message(
  {
    workloadSelector: NetworkingWorkloadSelector,
    ingress: list(IstioIngressListener, 'Ports on which the workload takes traffic. Default: those of its services.'),
    egress: list(IstioEgressListener, 'What the workload reaches. Default: all services that its namespace sees.'),
    inboundConnectionPool: ConnectionPoolSettings,
    outboundTrafficPolicy: OutboundTrafficPolicy,
  },
  { description: 'The scope of the proxies of some workloads.' },
);
export type SidecarSpec = Static<typeof SidecarSpec>;
export type Sidecar = KubeObject<SidecarSpec>;

export const Sidecar = networkingKind({
  kind: 'Sidecar',
  plural: 'sidecars',
  description: 'What the proxies of some workloads listen on and know of the mesh.',
  schema: SidecarSpec,
});
