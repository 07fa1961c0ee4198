/** The rules of Gateway. */
import { isIP } from 'node:net';
import type { GatewaySpec, Server } from '../../api/networking/gateway';
import type { ServerTLSSettings } from '../../api/networking/server-tls';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkUnixSocket, isLabel, problemOfFullWildcard } from './host';
import { checkLabels } from './labels';
import { checkNoTargetPort, checkPort, checkPortName, checkProtocol, isHttp, isTls } from './port';
import { checkServerTls } from './server-tls';

export function checkGateway(spec: GatewaySpec, check: Check): void {
  checkLabels(spec.selector, check.at('selector'));
  if (!spec.servers?.length) {
    check.at('servers').error('a gateway has at least one server, got none');
  }
  const names = new Set<string>();
  check.at('servers').each(spec.servers, (server, at) => {
    checkServer(server, at);
    const { name } = server.port;
    if (name && names.has(name)) {
      at.at('port', 'name').error(`the port name ${shown(name)} stands twice, names of ports are unique in a gateway`);
    }
    names.add(name);
  });
}

function checkServer(server: Server, check: Check): void {
  if (server.hosts.length === 0) {
    check.at('hosts').error('a server has at least one host, got none');
  }
  check.at('hosts').each(server.hosts, (host, at) => checkGatewayHost(host, at));
  const { number, name, protocol } = server.port;
  checkPortName(name, check.at('port', 'name'));
  checkNoTargetPort(server.port, check.at('port'));
  checkProtocol(protocol, check.at('port', 'protocol'));
  if (server.bind?.startsWith('unix://')) {
    checkUnixSocket(server.bind, check.at('bind'));
    if (number !== 0) {
      check.at('port', 'number').error(`a socket has no port number, got ${number}`, 'write 0');
    }
  } else {
    checkPort(number, check.at('port', 'number'));
    if (server.bind && !isIP(server.bind)) {
      check.at('bind').error(`expected an address or unix:///path, got ${shown(server.bind)}`);
    }
  }
  checkTlsAndProtocol(server, check);
}

function checkTlsAndProtocol(server: Server, check: Check): void {
  const { protocol } = server.port;
  const { tls } = server;
  if (isTls(protocol) && !server.tls) {
    check
      .at('tls')
      .error(`tls is missing, the protocol ${protocol} needs it`, 'add tls with mode and credentialName, or use HTTP');
  } else if (tls && isHttp(protocol) && !isPlain(tls)) {
    check
      .at('tls')
      .error(`the protocol ${protocol} is not encrypted, only httpsRedirect may be set`, 'use the protocol HTTPS');
  } else if (tls && !isTls(protocol) && !isHttp(protocol)) {
    check.at('tls').error(`the protocol ${protocol} has no TLS settings`, 'use the protocol TLS or HTTPS');
  }
  if (tls?.httpsRedirect && !isHttp(protocol)) {
    check
      .at('tls', 'httpsRedirect')
      .warning(`only plain HTTP can be redirected to HTTPS, got the protocol ${protocol}`);
  }
  if (tls) {
    checkServerTls(tls, check.at('tls'));
  }
}

/** Nothing is decrypted: at most, clients are sent to HTTPS. */
function isPlain({ mode = 'PASSTHROUGH', serverCertificate, privateKey, caCertificates }: ServerTLSSettings): boolean {
  return mode.endsWith('PASSTHROUGH') && !serverCertificate && !privateKey && !caCertificates;
}

/** `host` or `namespace/host`. */
function checkGatewayHost(text: string, check: Check): void {
  const slash = text.indexOf('/');
  const namespace = slash < 0 ? '*' : text.slice(0, slash);
  const host = text.slice(slash + 1);
  if (namespace !== '*' && namespace !== '.' && !isLabel(namespace)) {
    check.error(`expected "*", "." or the name of a namespace before the slash, got ${shown(namespace)}`);
  }
  const problem = isIP(host) ? undefined : problemOfFullWildcard(host);
  if (problem) {
    check.error(problem);
  } else if (host !== '*' && !host.includes('.') && !isIP(host)) {
    check.error(`a host of a gateway is a full name, a wildcard or an address, got ${shown(host)}`);
  }
}
