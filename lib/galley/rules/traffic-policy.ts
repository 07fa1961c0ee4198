/** Traffic policies of DestinationRule, and the connection pools that Sidecar has too. */
import { isIP } from 'node:net';
import type { ConnectionPoolSettings } from '../../api/networking/connection-pool';
import type {
  ClientTLSSettings,
  OutlierDetection,
  PortTrafficPolicy,
  TrafficPolicy,
} from '../../api/networking/traffic-policy';
import { shown } from '../schema-check';
import type { Check } from './check';
import { problemOfName } from './host';
import { checkLoadBalancer } from './load-balancing';
import { checkPort } from './port';

export function checkTrafficPolicy(policy: TrafficPolicy | undefined, check: Check): void {
  if (!policy) {
    return;
  }
  if (Object.keys(policy).length === 0) {
    check.error('a traffic policy has at least one field, got none', 'leave trafficPolicy out');
  }
  checkSettings(policy, check);
  const ports = new Set<number | undefined>();
  check.at('portLevelSettings').each(policy.portLevelSettings, (settings, at) => {
    if (!settings.port?.number) {
      at.at('port').error('port.number is missing');
    } else {
      checkPort(settings.port.number, at.at('port', 'number'));
    }
    if (settings.port?.number && ports.has(settings.port.number)) {
      at.at('port').warning(`the port ${settings.port.number} stands twice; the last settings are used`);
    }
    ports.add(settings.port?.number);
    if (!settings.outlierDetection && !settings.connectionPool && !settings.loadBalancer && !settings.tls) {
      at.error('the policy of a port has at least one field beside the port, got none');
    }
    checkSettings(settings, at);
  });
  if (policy.tunnel) {
    const { protocol, targetHost, targetPort } = policy.tunnel;
    if (protocol && protocol !== 'CONNECT' && protocol !== 'POST') {
      check.at('tunnel', 'protocol').error(`expected CONNECT or POST, got ${shown(protocol)}`);
    }
    const problem = isIP(targetHost) ? undefined : problemOfName(targetHost);
    if (problem) {
      check.at('tunnel', 'targetHost').error(problem);
    }
    if (policy.proxyProtocol) {
      check.at('proxyProtocol').error('only one of tunnel and proxyProtocol may be set, got both');
    }
    checkPort(targetPort, check.at('tunnel', 'targetPort'));
  }
}

function checkSettings(policy: PortTrafficPolicy, check: Check): void {
  checkConnectionPool(policy.connectionPool, check.at('connectionPool'));
  checkLoadBalancer(policy.loadBalancer, check.at('loadBalancer'), policy.outlierDetection !== undefined);
  checkOutlierDetection(policy.outlierDetection, check.at('outlierDetection'));
  checkClientTls(policy.tls, check.at('tls'));
}

export function checkConnectionPool(pool: ConnectionPoolSettings | undefined, check: Check): void {
  if (!pool) {
    return;
  }
  if (!pool.http && !pool.tcp) {
    check.error('a connection pool has at least one of tcp and http, got none');
  }
  const counts = [
    'http1MaxPendingRequests',
    'http2MaxRequests',
    'maxRequestsPerConnection',
    'maxRetries',
    'maxConcurrentStreams',
  ] as const;
  for (const field of counts) {
    if ((pool.http?.[field] ?? 0) < 0) {
      check.at('http', field).error(`has to be at least 0, got ${pool.http?.[field]}`);
    }
  }
  if ((pool.tcp?.maxConnections ?? 0) < 0) {
    check.at('tcp', 'maxConnections').error(`has to be at least 0, got ${pool.tcp?.maxConnections}`);
  }
  if (pool.http?.h2UpgradePolicy === 'UPGRADE' && pool.http.useClientProtocol) {
    check.at('http', 'useClientProtocol').error('useClientProtocol has no place beside h2UpgradePolicy UPGRADE');
  }
  if (pool.http?.http2KeepAlive && !pool.http.http2KeepAlive.interval) {
    check.at('http', 'http2KeepAlive').error('interval is missing');
  }
}

function checkOutlierDetection(detection: OutlierDetection | undefined, check: Check): void {
  if (!detection) {
    return;
  }
  for (const field of ['maxEjectionPercent', 'minHealthPercent'] as const) {
    const percent = detection[field] ?? 0;
    if (percent < 0 || percent > 100) {
      check.at(field).error(`a percentage is from 0 to 100, got ${percent}`);
    }
  }
  if (detection.consecutiveErrors !== undefined) {
    check
      .at('consecutiveErrors')
      .warning('consecutiveErrors is deprecated', 'use consecutiveGatewayErrors or consecutive5xxErrors');
  }
  if (detection.consecutiveLocalOriginFailures && !detection.splitExternalLocalOriginErrors) {
    check
      .at('consecutiveLocalOriginFailures')
      .error(
        'consecutiveLocalOriginFailures counts only with splitExternalLocalOriginErrors',
        'set splitExternalLocalOriginErrors: true',
      );
  }
}

function checkClientTls(tls: ClientTLSSettings | undefined, check: Check): void {
  if (!tls) {
    return;
  }
  const { mode, insecureSkipVerify, credentialName } = tls;
  if (insecureSkipVerify && (mode === 'SIMPLE' || mode === 'MUTUAL')) {
    const asked = (['caCertificates', 'credentialName', 'subjectAltNames'] as const)
      // With MUTUAL the credential is the client's own certificate.
      .filter((field) => (field === 'subjectAltNames' ? tls.subjectAltNames?.length : tls[field]))
      .filter((field) => field !== 'credentialName' || mode === 'SIMPLE');
    if (asked[0]) {
      check.at(asked[0]).error(`${asked[0]} has no place beside insecureSkipVerify, as nothing is verified`);
    }
  }
  if ((mode === 'SIMPLE' || mode === 'MUTUAL') && credentialName) {
    for (const field of ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'] as const) {
      if (tls[field]) check.at(field).error(`${field} has no place beside credentialName`);
    }
  } else if (mode === 'MUTUAL') {
    for (const field of ['clientCertificate', 'privateKey'] as const) {
      if (!tls[field]) check.at(field).error(`${field} is missing, mode MUTUAL needs it`);
    }
  }
  if (mode === 'ISTIO_MUTUAL') {
    for (const field of ['clientCertificate', 'privateKey', 'caCertificates'] as const) {
      if (tls[field]) {
        check
          .at(field)
          .error(`${field} has no place beside mode ISTIO_MUTUAL, which uses the workload's own certificate`);
      }
    }
  }
}
