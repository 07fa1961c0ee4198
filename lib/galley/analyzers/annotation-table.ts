/** The annotations of Istio's API. https://istio.io/latest/docs/reference/config/annotations/ */

import { isAddressBlock } from '../rules/host';

type Status = 'alpha' | 'beta' | 'stable';

export interface AnnotationEntry {
  /** Kinds that it may stand on; `Any` is every kind. */
  on: readonly string[];
  status: Status;
  deprecated?: string;
  /** Why a value is wrong; undefined when it is right. */
  problemOf?(value: string): string | undefined;
}

const whole = (value: string) =>
  /^\d{1,10}$/.test(value) && Number(value) < 2 ** 32 ? undefined : 'expected a whole number that is not negative';

const port = (value: string) =>
  /^\d{1,5}$/.test(value.trim()) && Number(value) < 65536 ? undefined : `${JSON.stringify(value)} is not a port`;

const ports = (value: string) =>
  value.trim() === ''
    ? undefined
    : value
        .split(',')
        .map(port)
        .find((problem) => problem);

const orAll = (problemOf: (value: string) => string | undefined) => (value: string) =>
  value === '*' ? undefined : problemOf(value);

const range = (value: string) => (isRange(value) ? undefined : `${JSON.stringify(value)} is not an address range`);

const ranges = (value: string) =>
  value === ''
    ? undefined
    : value
        .split(',')
        .map(range)
        .find((problem) => problem);

const flag = (value: string) =>
  /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value) ? undefined : 'expected true or false';

const mode = (value: string) =>
  ['REDIRECT', 'TPROXY', 'NONE'].includes(value) ? undefined : 'expected REDIRECT, TPROXY or NONE';

function pod(
  status: Status,
  names: readonly string[],
  more: Partial<AnnotationEntry> = {},
): [string, AnnotationEntry][] {
  return names.map((name) => [name, { on: ['Pod'], status, ...more }]);
}

function on(kinds: string, status: Status, names: readonly string[]): [string, AnnotationEntry][] {
  return names.map((name) => [name, { on: kinds.split(','), status }]);
}

/** By name. */
export const annotations: ReadonlyMap<string, AnnotationEntry> = new Map([
  ...on('Any', 'alpha', [
    'galley.istio.io/analyze-suppress',
    'gateway.istio.io/controller-version',
    'install.operator.istio.io/chart-owner',
    'install.operator.istio.io/owner-generation',
    'install.operator.istio.io/version',
  ]),
  ...on('AuthorizationPolicy', 'alpha', ['istio.io/dry-run']),
  ...on('Gateway', 'alpha', [
    'gateway.istio.io/name-override',
    'gateway.istio.io/service-account',
    'gateway.istio.io/tls-terminate-mode',
    'gateway.istio.io/tls-cipher-suites',
    'networking.istio.io/address-type',
    'networking.istio.io/service-type',
  ]),
  ...on('GatewayClass,Gateway', 'alpha', ['ambient.istio.io/waypoint-inbound-binding']),
  ...on('Ingress', 'stable', ['kubernetes.io/ingress.class']),
  ...on('Namespace', 'alpha', ['topology.istio.io/controlPlaneClusters']),
  ...on('Service', 'alpha', ['networking.istio.io/exportTo']),
  ...on('Service', 'stable', ['traffic.istio.io/nodeSelector']),
  ...on('Service,ServiceEntry,Namespace', 'alpha', ['networking.istio.io/traffic-distribution']),
  ...on('WorkloadEntry', 'alpha', [
    'istio.io/autoRegistrationGroup',
    'istio.io/connectedAt',
    'istio.io/disconnectedAt',
    'istio.io/workloadController',
  ]),
  ...pod('alpha', [
    'ambient.istio.io/bypass-inbound-capture',
    'ambient.istio.io/dns-capture',
    'inject.istio.io/templates',
    'istio.io/reroute-virtual-interfaces',
    'istio.io/rev',
    'proxy.istio.io/overrides',
    'readiness.status.sidecar.istio.io/applicationPorts',
    'sidecar.istio.io/agentLogLevel',
    'sidecar.istio.io/bootstrapOverride',
    'sidecar.istio.io/componentLogLevel',
    'sidecar.istio.io/enableCoreDump',
    'sidecar.istio.io/logLevel',
    'sidecar.istio.io/nativeSidecar',
    'sidecar.istio.io/proxyCPU',
    'sidecar.istio.io/proxyCPULimit',
    'sidecar.istio.io/proxyImage',
    'sidecar.istio.io/proxyImageType',
    'sidecar.istio.io/proxyMemory',
    'sidecar.istio.io/proxyMemoryLimit',
    'sidecar.istio.io/rewriteAppHTTPProbers',
    'sidecar.istio.io/statsCompression',
    'sidecar.istio.io/statsEvictionInterval',
    'sidecar.istio.io/statsHistogramBuckets',
    'sidecar.istio.io/status',
    'sidecar.istio.io/userVolume',
    'sidecar.istio.io/userVolumeMount',
    'traffic.sidecar.istio.io/excludeInterfaces',
    'traffic.sidecar.istio.io/includeOutboundPorts',
    'traffic.sidecar.istio.io/kubevirtInterfaces',
  ]),
  ...pod('beta', ['ambient.istio.io/redirection', 'proxy.istio.io/config']),
  ...pod('beta', ['sidecar.istio.io/inject'], { deprecated: 'use the label sidecar.istio.io/inject' }),
  ...pod(
    'alpha',
    [
      'sidecar.istio.io/discoveryAddress',
      'sidecar.istio.io/extraStatTags',
      'sidecar.istio.io/statsInclusionPrefixes',
      'sidecar.istio.io/statsInclusionRegexps',
      'sidecar.istio.io/statsInclusionSuffixes',
    ],
    { deprecated: 'use proxy.istio.io/config' },
  ),
  ...on('Service', 'alpha', [
    'alpha.istio.io/canonical-serviceaccounts',
    'alpha.istio.io/kubernetes-serviceaccounts',
  ]).map(([name, entry]): [string, AnnotationEntry] => [name, { ...entry, deprecated: 'remove it' }]),
  ...pod('alpha', ['sidecar.istio.io/interceptionMode'], { problemOf: mode }),
  ...pod('alpha', ['status.sidecar.istio.io/port'], { problemOf: port }),
  ...pod('alpha', ['prometheus.istio.io/merge-metrics'], { problemOf: flag }),
  ...pod(
    'alpha',
    [
      'readiness.status.sidecar.istio.io/initialDelaySeconds',
      'readiness.status.sidecar.istio.io/periodSeconds',
      'readiness.status.sidecar.istio.io/failureThreshold',
    ],
    { problemOf: whole },
  ),
  ...pod('alpha', ['traffic.sidecar.istio.io/includeOutboundIPRanges'], { problemOf: orAll(ranges) }),
  ...pod('alpha', ['traffic.sidecar.istio.io/excludeOutboundIPRanges'], { problemOf: ranges }),
  ...pod('alpha', ['traffic.sidecar.istio.io/includeInboundPorts'], { problemOf: orAll(ports) }),
  ...pod('alpha', ['traffic.sidecar.istio.io/excludeInboundPorts', 'traffic.sidecar.istio.io/excludeOutboundPorts'], {
    problemOf: ports,
  }),
]);

/** Whether an annotation is one of the mesh's, known or not. */
export function isOfMesh(name: string): boolean {
  return name === 'kubernetes.io/ingress.class' || name.split('/')[0]!.endsWith('istio.io');
}

function isRange(text: string): boolean {
  return text.includes('/') && isAddressBlock(text);
}
