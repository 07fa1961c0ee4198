/** WorkloadGroup: a template for WorkloadEntries. https://istio.io/latest/docs/reference/config/networking/workload-group/ */
import { type MeshObject, networkingKind } from '../kind';
import { int32, list, message, type Static, text, textMap, uint32, unserved } from '../schema';
import { WorkloadEntrySpec } from './workload-entry';

const port = uint32('The port to ask.');
const host = text('The host to ask. Default: the address of the workload.');

export const HTTPHealthCheckConfig = message(
  {
    path: text('The path to ask for.'),
    port,
    host,
    scheme: text('HTTP, the default, or HTTPS.'),
    httpHeaders: list(
      message(
        {
          name: text('The name of the header.', { pattern: '^[-_A-Za-z0-9]+$' }),
          value: text('The value of the header.'),
        },
        { description: 'A header of the request.' },
      ),
      'Headers to send along.',
    ),
  },
  { description: 'Healthy is what answers a request with a status from 200 to 399.', required: ['port'] },
);

export const TCPHealthCheckConfig = message(
  { host, port },
  { description: 'Healthy is what takes a connection.', required: ['port'] },
);

export const GrpcHealthCheckConfig = message(
  { port, service: text("The service to ask for in gRPC's health checking protocol.") },
  { description: 'Healthy is what says so over gRPC.' },
);

export const ExecHealthCheckConfig = message(
  { command: list(text('A word of the command.', { minLength: 1 }), 'The command and its arguments.') },
  { description: 'Healthy is what a command ends well for.', required: ['command'] },
);

const count = (description: string) => int32(description, { minimum: 0 });

export const ReadinessProbe = message(
  {
    initialDelaySeconds: count('How long to wait before the first time.'),
    timeoutSeconds: count('How long an answer may take. Default 1.'),
    periodSeconds: count('How often to ask. Default 10.'),
    successThreshold: count('Good answers in a row after which an ill workload is healthy. Default 1.'),
    failureThreshold: count('Bad answers in a row after which a healthy workload is ill. Default 3.'),
    httpGet: HTTPHealthCheckConfig,
    tcpSocket: TCPHealthCheckConfig,
    exec: ExecHealthCheckConfig,
    grpc: GrpcHealthCheckConfig,
  },
  {
    description: 'How it is found out whether a workload can take traffic.',
    exclusive: [['httpGet', 'tcpSocket', 'exec', 'grpc']],
  },
);
export type ReadinessProbe = Static<typeof ReadinessProbe>;

export const WorkloadGroupSpec = message(
  {
    metadata: message(
      {
        labels: textMap('Labels of the WorkloadEntries.', { maxProperties: 256 }),
        annotations: textMap('Annotations of the WorkloadEntries.', { maxProperties: 256 }),
      },
      { description: 'Metadata of the WorkloadEntries that are made.' },
    ),
    template: WorkloadEntrySpec,
    probe: unserved(ReadinessProbe),
  },
  { description: 'What WorkloadEntries of the group have in common.', required: ['template'] },
);
export type WorkloadGroupSpec = Static<typeof WorkloadGroupSpec>;
export type WorkloadGroup = MeshObject<WorkloadGroupSpec>;

export const WorkloadGroup = networkingKind({
  kind: 'WorkloadGroup',
  plural: 'workloadgroups',
  shortNames: ['wg'],
  description: 'What machines outside of the cluster have in common: a template for their WorkloadEntries.',
  schema: WorkloadGroupSpec,
  specRequired: true,
  notServed: 'machines do not register by themselves; `malha workload-entry` makes the WorkloadEntry of each',
});
