/** The rules of VirtualService. */
import { isIP } from 'node:net';
import type { TCPRoute, TLSRoute, VirtualServiceSpec } from '../../api/networking/virtual-service';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkRoute } from './destination';
import { covers, isAddressBlock, overlap, problemOfWildcard } from './host';
import { isClaim } from './http-match';
import { checkHttpRoute } from './http-route';
import { checkLabels } from './labels';
import { checkPort } from './port';
import { checkExportTo, checkGatewayNames } from './visibility';

export function checkVirtualService(spec: VirtualServiceSpec, check: Check, namespace: string): void {
  const isDelegate = (spec.hosts ?? []).length === 0;
  if (isDelegate) {
    checkDelegate(spec, check);
  }
  checkHosts(spec, check);
  checkGatewayNames(spec.gateways, check.at('gateways'));
  checkClaims(spec, check);
  if (!spec.http?.length && !spec.tls?.length && !spec.tcp?.length) {
    check.error('a VirtualService has routes in http, tls or tcp, got none');
  }
  check.at('http').each(spec.http, (route, at) => checkHttpRoute(route, at, isDelegate));
  check.at('tls').each(spec.tls, (route, at) => checkTlsRoute(route, spec, at));
  check.at('tcp').each(spec.tcp, checkTcpRoute);
  checkExportTo(spec.exportTo, namespace, check.at('exportTo'));
}

/** Without hosts, others delegate to it: it has HTTP routes only, and applies where they do. */
function checkDelegate(spec: VirtualServiceSpec, check: Check): void {
  for (const field of ['gateways', 'tls', 'tcp'] as const) {
    if (spec[field]?.length) {
      check
        .at(field)
        .error(
          `a VirtualService without hosts, to which others delegate, has no ${field}`,
          `add hosts, or leave ${field} out`,
        );
    }
  }
}

/** Only gateways check tokens before they route. */
function checkClaims(spec: VirtualServiceSpec, check: Check): void {
  if (!isForMesh(spec)) return;
  check.at('http').each(spec.http, ({ match }, at) =>
    at.at('match').each(match, (each, place) => {
      for (const field of ['headers', 'withoutHeaders'] as const) {
        for (const name of Object.keys(each[field] ?? {}).filter(isClaim)) {
          place
            .at(field, name)
            .error('routes by claims of tokens are for gateways alone', 'name only gateways in gateways');
        }
      }
    }),
  );
}

function isForMesh({ gateways }: VirtualServiceSpec): boolean {
  return !gateways?.length || gateways.includes('mesh');
}

function checkHosts(spec: VirtualServiceSpec, check: Check): void {
  const hosts = spec.hosts ?? [];
  const forMesh = isForMesh(spec);
  const hasServerNames = (spec.tls ?? []).some(({ match }) => match.some(({ sniHosts }) => sniHosts.length > 0));
  let valid = true;
  check.at('hosts').each(hosts, (host, at) => {
    const problem = isIP(host) ? undefined : problemOfServerName(host, !forMesh && hasServerNames);
    if (problem) {
      valid = false;
      at.error(problem);
    } else if (host === '*' && forMesh) {
      at.error('the host "*" is not allowed for sidecars', 'name the hosts, or name a gateway other than mesh');
    }
  });
  if (valid) {
    checkOverlaps(hosts, check.at('hosts'));
  }
}

function checkOverlaps(hosts: readonly string[], check: Check): void {
  const exact = new Set<string>();
  const wildcards = hosts.filter((host) => host.startsWith('*'));
  check.each(hosts, (host, at, index) => {
    const other = exact.has(host)
      ? host
      : wildcards.find((wildcard) => hosts.indexOf(wildcard) !== index && overlap(wildcard, host));
    if (other !== undefined && (hosts.indexOf(other) < index || !host.startsWith('*'))) {
      at.error(`the host ${shown(host)} is already covered by ${shown(other)}`, 'leave one of the two out');
    }
    exact.add(host);
  });
}

interface L4Match {
  destinationSubnets?: string[];
  port?: number;
  sourceLabels?: Record<string, string>;
  gateways?: string[];
}

function checkL4Match(match: L4Match, check: Check): void {
  check.at('destinationSubnets').each(match.destinationSubnets, (subnet, at) => {
    if (!isAddressBlock(subnet)) {
      at.error(`expected an address or a CIDR block, got ${shown(subnet)}`);
    }
  });
  if (match.port !== undefined && match.port !== 0) {
    checkPort(match.port, check.at('port'));
  }
  checkLabels(match.sourceLabels, check.at('sourceLabels'));
  checkGatewayNames(match.gateways, check.at('gateways'));
}

function checkTlsRoute(route: TLSRoute, spec: VirtualServiceSpec, check: Check): void {
  if (route.match.length === 0) {
    check.at('match').error('a TLS route has at least one match');
  }
  check.at('match').each(route.match, (match, at) => {
    checkL4Match(match, at);
    if (match.sniHosts.length === 0) {
      at.at('sniHosts').error('a match has at least one server name');
    }
    at.at('sniHosts').each(match.sniHosts, (name, place) => checkServerName(name, spec, place));
  });
  if (!route.route?.length) {
    check.at('route').error('route is missing');
  }
  checkRoute(route.route ?? [], check.at('route'));
}

/** Between clusters, gateways pass on by names of clusters: `outbound_.80_._.reviews.shop.svc.cluster.local`. */
const CLUSTER_AS_NAME = /^outbound_\.\d+_\.[^/]*$/;

function problemOfServerName(name: string, atGateway: boolean): string | undefined {
  return atGateway && CLUSTER_AS_NAME.test(name) ? undefined : problemOfWildcard(name);
}

function checkServerName(name: string, spec: VirtualServiceSpec, check: Check): void {
  const { hosts = [] } = spec;
  if (isIP(name)) {
    check.warning(`clients do not ask for addresses such as ${shown(name)} as server names`);
    return;
  }
  const problem = problemOfServerName(name, !isForMesh(spec));
  if (problem) {
    check.error(problem);
  } else if (!hosts.some((host) => covers(host, name))) {
    check.error(
      `the server name ${shown(name)} is not covered by the hosts ${hosts.join(', ')}`,
      'add it to hosts, or change it',
    );
  }
}

function checkTcpRoute(route: TCPRoute, check: Check): void {
  check.at('match').each(route.match, checkL4Match);
  if (!route.route?.length) {
    check.at('route').error('route is missing');
  }
  checkRoute(route.route ?? [], check.at('route'));
}
