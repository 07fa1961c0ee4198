/** Port numbers, names and protocols. */
import { shown } from '../schema-check';
import type { Check } from './check';
import { isLabel } from './host';

export function checkPort(number: number | undefined, check: Check): void {
  if (number === undefined || number < 1 || number > 65535) {
    check.error(`a port is a number from 1 to 65535, got ${number ?? 'none'}`);
  }
}

/** Only the Service of a workload leads to another port. */
export function checkNoTargetPort({ targetPort }: { targetPort?: number }, check: Check): void {
  if (targetPort) {
    check.at('targetPort').error(`targetPort has no effect here, got ${targetPort}`, 'leave targetPort out');
  }
}

export function checkPortName(name: string, check: Check): void {
  if (!isLabel(name)) {
    check.error(`the name of a port is made of letters, digits and dashes, got ${shown(name)}`);
  }
}

/** The protocols that ports may name (https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/). */
const PROTOCOLS = [
  'HTTP',
  'HTTPS',
  'HTTP2',
  'HTTP_PROXY',
  'GRPC',
  'GRPC-WEB',
  'GRPC_WEB',
  'MONGO',
  'REDIS',
  'MYSQL',
  'TCP',
  'TLS',
  'UDP',
  'HBONE',
];

export function checkProtocol(protocol: string, check: Check): void {
  if (!PROTOCOLS.includes(protocol.toUpperCase())) {
    check.error(`expected one of ${PROTOCOLS.join(', ')}, got ${shown(protocol)}`);
  }
}

/** HTTP in one of its forms, not encrypted. */
export function isHttp(protocol: string): boolean {
  return ['HTTP', 'HTTP2', 'HTTP_PROXY', 'GRPC', 'GRPC-WEB', 'GRPC_WEB'].includes(protocol.toUpperCase());
}

export function isTls(protocol: string): boolean {
  return ['HTTPS', 'TLS'].includes(protocol.toUpperCase());
}
