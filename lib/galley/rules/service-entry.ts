/** The rules of ServiceEntry. */
import { isIP } from 'node:net';
import type { ServiceEntrySpec } from '../../api/networking/service-entry';
import type { WorkloadEntrySpec } from '../../api/networking/workload-entry';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkUnixSocket, isAddressBlock, problemOfFullWildcard, problemOfName, problemOfWildcard } from './host';
import { checkNetworkingSelector } from './labels';
import { checkPortName, checkProtocol, isHttp, isTls } from './port';
import { checkExportTo } from './visibility';
import { checkEndpointFields, checkNoAddress } from './workload-entry';

export function checkServiceEntry(spec: ServiceEntrySpec, check: Check, namespace: string): void {
  check.at('hosts').each(spec.hosts, (host, at) => {
    const problem = host === '*' ? 'the host "*" would be every service' : problemOfWildcard(host);
    if (problem) {
      at.error(problem);
    } else if (problemOfFullWildcard(host)) {
      at.warning(`in ${shown(host)} the * stands for a part of a name only`, 'write *. and a name');
    }
  });
  checkAddresses(spec, check.at('addresses'));
  checkPorts(spec, check);
  checkNetworkingSelector(spec.workloadSelector, check.at('workloadSelector'));
  checkResolution(spec, check);
  checkHostsApart(spec, check);
  check.at('endpoints').each(spec.endpoints, (endpoint, at) => {
    checkEndpointFields(endpoint, at);
    checkEndpointPorts(spec, endpoint, at);
  });
  checkExportTo(spec.exportTo, namespace, check.at('exportTo'));
}

function checkAddresses(spec: ServiceEntrySpec, check: Check): void {
  const blocks = !spec.resolution || spec.resolution === 'NONE' || spec.resolution === 'STATIC';
  check.each(spec.addresses, (address, at) => {
    if (!isAddressBlock(address)) {
      at.error(`expected an IP address or a CIDR block, got ${shown(address)}`);
    } else if (address.includes('/') && !blocks) {
      at.error(`CIDR blocks are only for resolution NONE or STATIC, got ${shown(address)} with ${spec.resolution}`);
    }
  });
}

function checkPorts(spec: ServiceEntrySpec, check: Check): void {
  const names = new Set<string>();
  const numbers = new Set<number>();
  check.at('ports').each(spec.ports, (port, at) => {
    checkPortName(port.name, at.at('name'));
    if (port.protocol) {
      checkProtocol(port.protocol, at.at('protocol'));
    }
    if (names.has(port.name)) {
      at.at('name').error(`the port name ${shown(port.name)} stands twice`);
    }
    if (numbers.has(port.number)) {
      at.at('number').error(`the port number ${port.number} stands twice`);
    }
    names.add(port.name);
    numbers.add(port.number);
    if (port.targetPort && (!spec.resolution || spec.resolution === 'NONE')) {
      at.at('targetPort').warning('targetPort has no effect with resolution NONE');
    }
    if (!spec.addresses?.length && ['', 'TCP'].includes(port.protocol ?? '')) {
      at.warning(
        'a TCP port without addresses takes all traffic on its number, unless the proxies allocate addresses by DNS',
        'add addresses',
      );
    }
  });
}

/** Of plain TCP, nothing tells for which of several hosts it is. */
function checkHostsApart(spec: ServiceEntrySpec, check: Check): void {
  if ((spec.resolution ?? 'NONE') === 'NONE' || spec.hosts.length < 2) return;
  if (spec.ports?.some(({ protocol = '' }) => !isHttp(protocol) && !isTls(protocol))) {
    check
      .at('hosts')
      .error(
        'several hosts are told apart by HTTP or TLS only, got a port of neither',
        'write one ServiceEntry for each',
      );
  }
}

function checkResolution(spec: ServiceEntrySpec, check: Check): void {
  const endpoints = check.at('endpoints');
  switch (spec.resolution ?? 'NONE') {
    case 'NONE':
      if (spec.endpoints?.length) {
        endpoints.error('endpoints are not for resolution NONE', 'use resolution STATIC or DNS');
      }
      if (spec.workloadSelector) {
        check
          .at('workloadSelector')
          .warning('workloadSelector has no effect with resolution NONE', 'use resolution STATIC');
      }
      break;
    case 'STATIC':
      endpoints.each(spec.endpoints, (endpoint, at) => checkStaticEndpoint(spec, endpoint, at));
      break;
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      checkDns(spec, check);
      break;
    case 'DYNAMIC_DNS':
      checkDynamicDns(spec, check);
      break;
  }
}

function checkStaticEndpoint(spec: ServiceEntrySpec, endpoint: WorkloadEntrySpec, check: Check): void {
  const { address } = endpoint;
  if (!address) {
    checkNoAddress(endpoint, check);
  } else if (address.startsWith('unix://')) {
    checkUnixSocket(address, check.at('address'));
    if (Object.keys(endpoint.ports ?? {}).length > 0) {
      check.at('ports').error('a socket has no ports');
    }
    if (spec.ports?.length !== 1) {
      check.error(`a service with sockets has exactly one port, got ${spec.ports?.length ?? 0}`);
    }
  } else if (!isIP(address)) {
    check
      .at('address')
      .error(`with resolution STATIC an endpoint has an IP address, got ${shown(address)}`, 'use resolution DNS');
  }
}

function checkDns(spec: ServiceEntrySpec, check: Check): void {
  if (spec.workloadSelector) {
    check
      .at('workloadSelector')
      .warning(`workloadSelector has no effect with resolution ${spec.resolution}`, 'use resolution STATIC');
  }
  if (!spec.endpoints?.length && !spec.workloadSelector) {
    check.at('hosts').each(spec.hosts, (host, at) => {
      if (problemOfName(host) && !isIP(host)) {
        at.error(
          `a host without endpoints is resolved by DNS and has to be a full name, got ${shown(host)}`,
          'add endpoints, or name the host',
        );
      }
    });
  }
  if (spec.resolution === 'DNS_ROUND_ROBIN' && (spec.endpoints?.length ?? 0) > 1) {
    check
      .at('endpoints')
      .error(`with DNS_ROUND_ROBIN there is at most one endpoint, got ${spec.endpoints?.length}`, 'use resolution DNS');
  }
  check.at('endpoints').each(spec.endpoints, (endpoint, at) => {
    if (!endpoint.address) {
      checkNoAddress(endpoint, at);
    } else if (!isIP(endpoint.address) && problemOfName(endpoint.address)) {
      at.at('address').error(
        `with resolution ${spec.resolution} an endpoint has a DNS name or an IP address, got ${shown(endpoint.address)}`,
      );
    }
  });
  if (spec.hosts.length > 1 && spec.addresses?.length && spec.ports?.some((port) => isTls(port.protocol ?? ''))) {
    check
      .at('hosts')
      .warning(
        'several hosts on one address are told apart by the server name only',
        'write one ServiceEntry for each host',
      );
  }
}

function checkDynamicDns(spec: ServiceEntrySpec, check: Check): void {
  if (spec.endpoints?.length) {
    check.at('endpoints').error('endpoints are not for resolution DYNAMIC_DNS, which resolves the host of the request');
  }
  if (!spec.hosts.some((host) => host.startsWith('*'))) {
    check.at('hosts').error('resolution DYNAMIC_DNS is for wildcard hosts', 'use resolution DNS');
  }
  check.at('ports').each(spec.ports, ({ protocol = '', targetPort }, at) => {
    if (!isHttp(protocol) && !isTls(protocol)) {
      at.warning(
        'connections of this protocol name no host to resolve, so nothing is served here with resolution DYNAMIC_DNS',
        'declare HTTP in one of its forms, or TLS',
      );
    } else if (targetPort && isHttp(protocol)) {
      at.at('targetPort').warning(
        'targetPort has no effect on HTTP with resolution DYNAMIC_DNS: the authority has the port',
      );
    }
  });
}

/** The ports of an endpoint are ports of the service. */
function checkEndpointPorts(spec: ServiceEntrySpec, endpoint: WorkloadEntrySpec, check: Check): void {
  const known = new Set((spec.ports ?? []).map((port) => port.name));
  for (const name of Object.keys(endpoint.ports ?? {})) {
    if (!known.has(name)) {
      check
        .at('ports', name)
        .error(`the port ${shown(name)} is none of the service's ports ${[...known].join(', ') || '(none)'}`);
    }
  }
}
