/** The rules of WorkloadGroup. */
import type { ReadinessProbe, WorkloadGroupSpec } from '../../api/networking/workload-group';
import { shown } from '../schema-check';
import type { Check } from './check';
import { isPlainHeaderName } from './headers';
import { checkLabels } from './labels';
import { checkPort } from './port';

export function checkWorkloadGroup(spec: WorkloadGroupSpec, check: Check): void {
  checkLabels(spec.metadata?.labels, check.at('metadata', 'labels'));
  if (spec.probe) {
    checkProbe(spec.probe, check.at('probe'));
  }
}

function checkProbe(probe: ReadinessProbe, check: Check): void {
  const { httpGet, tcpSocket, exec, grpc } = probe;
  if (!httpGet && !tcpSocket && !exec && !grpc) {
    check.error('a probe has one of httpGet, tcpSocket, exec, grpc, got none');
  }
  if (httpGet) {
    checkPort(httpGet.port, check.at('httpGet', 'port'));
    if (!['', 'HTTP', 'HTTPS'].includes(httpGet.scheme ?? '')) {
      check.at('httpGet', 'scheme').error(`expected HTTP or HTTPS, got ${shown(httpGet.scheme)}`);
    }
    check.at('httpGet', 'httpHeaders').each(httpGet.httpHeaders, ({ name = '' }, at) => {
      if (!isPlainHeaderName(name)) at.at('name').error(`${shown(name)} is not the name of a header`);
    });
  }
  if (tcpSocket) {
    checkPort(tcpSocket.port, check.at('tcpSocket', 'port'));
  }
  if (grpc?.port !== undefined) {
    checkPort(grpc.port, check.at('grpc', 'port'));
  }
  if (exec && exec.command.length === 0) {
    check.at('exec', 'command').error('a command has at least one word, got none');
  }
}
