/** The rules of Sidecar. */
import { isIP } from 'node:net';
import type { IstioEgressListener, IstioIngressListener, SidecarSpec } from '../../api/networking/sidecar';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkDestination } from './destination';
import { checkUnixSocket, isLabel, problemOfName, problemOfWildcard } from './host';
import { checkNetworkingSelector } from './labels';
import { checkNoTargetPort, checkPort, checkPortName, checkProtocol, isTls } from './port';
import { checkServerTls } from './server-tls';
import { checkConnectionPool } from './traffic-policy';

export function checkSidecar(spec: SidecarSpec, check: Check, namespace: string): void {
  if (!spec.egress?.length && !spec.ingress?.length && !spec.inboundConnectionPool && !spec.outboundTrafficPolicy) {
    check.error('a Sidecar has ingress, egress, inboundConnectionPool or outboundTrafficPolicy, got none');
  }
  checkNetworkingSelector(spec.workloadSelector, check.at('workloadSelector'));
  checkConnectionPool(spec.inboundConnectionPool, check.at('inboundConnectionPool'));
  checkIngress(spec.ingress, check.at('ingress'));
  checkEgress(spec.egress, check.at('egress'), namespace);
  const proxy = spec.outboundTrafficPolicy?.egressProxy;
  if (proxy) {
    const at = check.at('outboundTrafficPolicy', 'egressProxy');
    if (spec.outboundTrafficPolicy?.mode !== 'ALLOW_ANY') {
      at.error('egressProxy is only for the mode ALLOW_ANY');
    }
    if (!proxy.port) {
      at.at('port').error('port is missing');
    }
    checkDestination(proxy, at);
    if (!problemOfWildcard(proxy.host) && problemOfName(proxy.host)) {
      at.at('host').error(`the proxy is one service, got ${shown(proxy.host)}`);
    }
  }
}

function checkIngress(listeners: readonly IstioIngressListener[] | undefined, check: Check): void {
  const ports = new Set<number | undefined>();
  check.each(listeners, (listener, at) => {
    const { number, protocol } = listener.port;
    checkListenerPort(listener.port, at.at('port'));
    checkPort(number, at.at('port', 'number'));
    checkBind(listener.bind, at.at('bind'));
    if (protocol) {
      checkProtocol(protocol, at.at('port', 'protocol'));
    }
    if (ports.has(number)) {
      at.at('port', 'number').error(`the port ${number} stands twice`);
    }
    ports.add(number);
    if (listener.defaultEndpoint) {
      checkEndpoint(listener.defaultEndpoint, at.at('defaultEndpoint'));
    }
    if (listener.tls) {
      checkIngressTls(listener, at.at('tls'));
    }
    checkConnectionPool(listener.connectionPool, at.at('connectionPool'));
    if (listener.connectionPool?.http && ['TCP', 'TLS', 'MONGO'].includes((protocol ?? '').toUpperCase())) {
      at.at('connectionPool', 'http').warning(`HTTP settings have no effect on a port with the protocol ${protocol}`);
    }
  });
}

function checkListenerPort(port: { name?: string; targetPort?: number }, check: Check): void {
  if (port.name) checkPortName(port.name, check.at('name'));
  checkNoTargetPort(port, check);
}

function checkBind(bind: string | undefined, check: Check): void {
  if (bind?.startsWith('unix://')) {
    check.error('ingress listens on addresses only');
  } else if (bind && !isIP(bind)) {
    check.error(`expected an IP address, got ${shown(bind)}`);
  }
}

function checkEndpoint(endpoint: string, check: Check): void {
  if (endpoint.startsWith('unix://')) {
    checkUnixSocket(endpoint, check);
    return;
  }
  const match = /^(|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\[::\]):(.*)$/.exec(endpoint);
  if (!match) {
    check.error(`expected 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///path, got ${shown(endpoint)}`);
  } else if (!/^\d{1,5}$/.test(match[2]!) || Number(match[2]) < 1 || Number(match[2]) > 65535) {
    check.error(`a port is a number from 1 to 65535, got ${shown(match[2])}`);
  }
}

function checkIngressTls(listener: IstioIngressListener, check: Check): void {
  const tls = listener.tls!;
  for (const field of [
    'httpsRedirect',
    'subjectAltNames',
    'credentialName',
    'credentialNames',
    'tlsCertificates',
  ] as const) {
    const value = tls[field];
    if (Array.isArray(value) ? value.length > 0 : value) {
      check.at(field).error(`${field} is not for the TLS of a Sidecar`);
    }
  }
  if (tls.mode === 'ISTIO_MUTUAL' || tls.mode === 'AUTO_PASSTHROUGH') {
    check.at('mode').error(`the mode ${tls.mode} is not for the TLS of a Sidecar`);
  }
  if (!isTls(listener.port.protocol ?? '')) {
    check.error(`tls is only for the protocols HTTPS and TLS, got ${listener.port.protocol ?? 'none'}`);
  }
  checkServerTls(tls, check);
}

function checkEgress(listeners: readonly IstioEgressListener[] | undefined, check: Check, namespace: string): void {
  const seen = new Set<string>();
  check.each(listeners, (listener, at, index) => {
    if (listener.hosts.length === 0) {
      at.at('hosts').error('egress has at least one host, got none');
    }
    at.at('hosts').each(listener.hosts, checkEgressHost);
    checkWidest(listener.hosts, at.at('hosts'), namespace);
    checkEgressPort(listener, at);
    if (!listener.port && index < (listeners?.length ?? 0) - 1) {
      at.error('an entry without a port takes all the rest, and has to be the last');
    }
    const key = listener.port?.number ? String(listener.port.number) : (listener.bind ?? '');
    if (listener.port && seen.has(key)) {
      at.at('port').error(`there is an entry for ${shown(key)} already`);
    }
    seen.add(key);
  });
}

function checkEgressPort(listener: IstioEgressListener, check: Check): void {
  const socket = listener.bind?.startsWith('unix://');
  if (socket) {
    checkUnixSocket(listener.bind!, check.at('bind'));
    if (listener.captureMode === 'IPTABLES') {
      check.at('captureMode').error('traffic is not redirected to a socket', 'use DEFAULT or NONE');
    }
  } else if (listener.bind && !isIP(listener.bind)) {
    check.at('bind').error(`expected an IP address or unix:///path, got ${shown(listener.bind)}`);
  }
  if (!listener.port) {
    if (listener.bind) {
      check.at('port').error('port is missing, an entry with bind needs it');
    }
    return;
  }
  checkListenerPort(listener.port, check.at('port'));
  if (listener.port.protocol) {
    checkProtocol(listener.port.protocol, check.at('port', 'protocol'));
  }
  if (socket && listener.port.number) {
    check.at('port', 'number').error(`a socket has no port number, got ${listener.port.number}`, 'write 0');
  }
  if (!socket) {
    checkPort(listener.port.number, check.at('port', 'number'));
  }
}

/** `namespace/host`; a `~` before the namespace takes it out. */
function checkEgressHost(text: string, check: Check): void {
  const [before = '', host, ...rest] = text.split('/');
  if (host === undefined || rest.length > 0) {
    check.error(`a host is written as namespace/host, got ${shown(text)}`);
    return;
  }
  const namespace = before.startsWith('~') && before.length > 1 ? before.slice(1) : before;
  if (!['*', '.', '~'].includes(namespace) && (!isLabel(namespace) || namespace !== namespace.toLowerCase())) {
    check.error(`expected "*", ".", "~" or the name of a namespace before the slash, got ${shown(before)}`);
  }
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (host !== '*' && (problemOfName(name) || (!name.includes('.') && !host.startsWith('*.')))) {
    check.error(`expected a full name, a wildcard such as *.example.com or "*" after the slash, got ${shown(host)}`);
  }
}

/** Names beside a wildcard that covers them say nothing, and no name says more the second time. */
function checkWidest(hosts: readonly string[], check: Check, own: string): void {
  const seen = new Map<string, Set<string>>();
  check.each(hosts, (host, at) => {
    const slash = host.indexOf('/');
    // `~namespace` takes out what others bring in.
    if (slash < 0 || (host.startsWith('~') && slash > 1)) return;
    const namespace = host.startsWith('./') ? own : host.slice(0, slash);
    const name = host.slice(slash + 1);
    const names = seen.get(namespace) ?? new Set();
    const isCovered = name === '*' ? names.size > 0 : names.has('*') || names.has(name);
    if (isCovered) at.warning(`${shown(host)} is there twice, by its name or a wildcard`, 'leave one of them out');
    seen.set(namespace, names.add(name));
  });
  if (seen.get('*')?.has('*') && seen.size > 1) {
    check.warning('"*/*" is every host, so that the others say nothing', 'leave the others out');
  }
}
