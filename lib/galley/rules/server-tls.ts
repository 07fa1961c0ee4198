/** TLS on the ports of gateways and of Sidecar's ingress. */
import type { ServerTLSSettings } from '../../api/networking/server-tls';
import { isKnownCipher, isKnownCurve } from '../../api/networking/tls-parameters';
import { shown } from '../schema-check';
import type { Check } from './check';

export function checkServerTls(tls: ServerTLSSettings, check: Check): void {
  checkCiphers(tls, check);
  const { mode = 'PASSTHROUGH', minProtocolVersion = '' } = tls;
  if (['TLSV1_0', 'TLSV1_1'].includes(minProtocolVersion) && !tls.cipherSuites?.length) {
    check
      .at('minProtocolVersion')
      .warning('none of the default cipher suites is for TLS below 1.2', 'name the suites in cipherSuites');
  }
  if (mode.endsWith('PASSTHROUGH')) {
    for (const field of ['caCrl', 'serverCertificate', 'privateKey', 'caCertificates', 'credentialName'] as const) {
      if (tls[field]) check.at(field).warning(`${field} has no effect where TLS is passed through`);
    }
  }
  if (tls.mode === 'ISTIO_MUTUAL') {
    for (const field of ['serverCertificate', 'privateKey', 'caCertificates', 'credentialName'] as const) {
      if (tls[field]) {
        check
          .at(field)
          .error(`${field} has no place beside mode ISTIO_MUTUAL, which uses the gateway's own certificate`);
      }
    }
    return;
  }
  const mutual = tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL';
  if (tls.mode === 'SIMPLE' || mutual) {
    checkCertificates(tls, mutual, check);
  }
}

/** Where the certificates come from: one place only. */
function checkCertificates(tls: ServerTLSSettings, mutual: boolean, check: Check): void {
  const sources = [
    tls.credentialName ? 'credentialName' : '',
    tls.credentialNames?.length ? 'credentialNames' : '',
    tls.serverCertificate ? 'serverCertificate' : '',
    tls.tlsCertificates?.length ? 'tlsCertificates' : '',
  ].filter(Boolean);
  if (sources.length > 1) {
    const names = 'credentialName, credentialNames, serverCertificate and tlsCertificates';
    check.at(sources[1]!).error(`only one of ${names} may be set, got ${sources.join(' and ')}`);
    return;
  }
  if (tls.credentialName || tls.credentialNames?.length) {
    return;
  }
  if (tls.caCrl && !mutual) {
    check.at('caCrl').error('caCrl is for certificates of clients, which mode SIMPLE does not ask for');
  }
  if (tls.tlsCertificates?.length) {
    check.at('tlsCertificates').each(tls.tlsCertificates, checkPair);
    if (tls.tlsCertificates.length > 2) {
      check.at('tlsCertificates').warning('only the first two certificates are used');
    }
  } else {
    checkPair(tls, check);
  }
  if (mutual && !tls.caCertificates && !tls.tlsCertificates?.some((pair) => pair.caCertificates)) {
    check.at('caCertificates').error(`caCertificates is missing, mode ${tls.mode} needs it`);
  }
}

function checkPair(pair: { serverCertificate?: string; privateKey?: string }, check: Check): void {
  for (const field of ['serverCertificate', 'privateKey'] as const) {
    if (!pair[field]) {
      check.at(field).error(`${field} is missing`, 'set credentialName to the name of a Secret');
    }
  }
}

/** Of a server, or of the mesh configuration. */
export function checkCiphers(
  { cipherSuites, ecdhCurves }: Pick<ServerTLSSettings, 'cipherSuites' | 'ecdhCurves'>,
  check: Check,
): void {
  const seen = new Set<string>();
  check.at('cipherSuites').each(cipherSuites, (suite, at) => {
    // What begins with a sign is an expression of BoringSSL, such as -A or [A|B].
    if (/^[\p{L}\p{N}]/u.test(suite) && !isKnownCipher(suite)) {
      at.warning(`${shown(suite)} is no cipher suite that is known, and is ignored`);
    } else if (seen.has(suite)) {
      at.warning(`${shown(suite)} stands twice`);
    }
    seen.add(suite);
  });
  check.at('ecdhCurves').each(ecdhCurves, (curve, at) => {
    if (!isKnownCurve(curve)) {
      at.warning(`${shown(curve)} is no curve that is known, and is ignored`);
    }
  });
}
