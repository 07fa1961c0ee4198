/** The Secrets with the certificates of gateways exist beside the gateways' Pods, and hold certificates. */
import { X509Certificate } from 'node:crypto';
import type { Secret } from '../../api/kubernetes';
import { Gateway } from '../../api/networking/gateway';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { withoutProxies } from './gateway-port';
import { selectorText } from './label-selector';
import { keyOf, namespaceOf } from './names';

const NAME = 'gateway.SecretAnalyzer';

export function gatewaySecrets(analysis: Analysis): Finding[] {
  const secrets = new Map<string, Secret>();
  const known = new Set<string>();
  for (const secret of analysis.of<Secret>('/Secret')) {
    secrets.set(keyOf(secret), secret);
    known.add(namespaceOf(secret));
  }
  return analysis.of<Gateway>(Gateway).flatMap((gateway) => {
    const [workload] = analysis.workloads.matching(gateway.spec.selector);
    if (!workload) {
      return [withoutProxies(gateway, selectorText(gateway.spec.selector), NAME)];
    }
    return (gateway.spec.servers ?? []).flatMap(({ tls }, index) =>
      [tls?.credentialName ?? '', ...(tls?.credentialNames ?? [])].flatMap((name) => {
        // A certificate may be fetched from elsewhere by these.
        if (name === '' || /^(file-root|builtin|configmap|kubernetes-gateway|invalid|sds):\/\//.test(name)) {
          return [];
        }
        const path = `spec.servers[${index}].tls.credentialName`;
        const secret = secrets.get(`${workload.namespace}/${name}`);
        if (!secret) {
          // Secrets are rarely written into files; where there is none at all, nothing is known about this one.
          const level = known.has(workload.namespace) ? 'error' : 'info';
          const message = `there is no Secret ${workload.namespace}/${name} beside the gateway's Pods`;
          return [findingAbout(gateway, 'IST0101', NAME, { path, message, level })];
        }
        const problem = problemOf(secret, analysis.now);
        const message = `the Secret ${workload.namespace}/${name} ${problem}`;
        return problem ? [findingAbout(gateway, 'IST0161', NAME, { path, message })] : [];
      }),
    );
  });
}

/** Certificate and key, in the forms that gateways take: `kubernetes.io/tls`, or `cert` and `key`. */
const PAIRS = [
  ['tls.crt', 'tls.key'],
  ['cert', 'key'],
] as const;

const certificates = new WeakMap<Secret, X509Certificate | string>();

/** What is wrong with the certificate of a Secret at `now`; empty when nothing is. */
function problemOf(secret: Secret, now: number): string {
  const known = certificates.get(secret);
  const certificate = known ?? certificateOf(secret);
  if (known === undefined) {
    certificates.set(secret, certificate);
  }
  if (typeof certificate === 'string') {
    return certificate;
  }
  if (Date.parse(certificate.validTo) < now) {
    return `holds a certificate that ended on ${certificate.validTo}`;
  }
  return Date.parse(certificate.validFrom) > now ? `holds a certificate that begins on ${certificate.validFrom}` : '';
}

/** The certificate, or why there is none. */
function certificateOf(secret: Secret): X509Certificate | string {
  const read = (key: string) =>
    secret.stringData?.[key] ?? Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
  const pair = PAIRS.find(([certificate, key]) => read(certificate) !== '' && read(key) !== '');
  if (!pair) {
    return 'has neither tls.crt and tls.key nor cert and key';
  }
  try {
    return new X509Certificate(read(pair[0]));
  } catch {
    return `holds no certificate in ${pair[0]}`;
  }
}
