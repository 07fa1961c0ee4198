/** The value behind `/status`, which the console and `malha proxy-status` read. */
import type { Finding } from '../../lib/galley/finding';
import type { ObservedCall, ObservedCalls } from '../../lib/mixer/observed-calls';
import type { Configuration, MeshSource } from '../../lib/xds/mesh-source';
import type { Quarantined } from '../../lib/xds/quarantine';
import { systemClock } from '../../lib/xds/source';
import type { ProxyStatus } from '../../lib/xds/status';

export interface Status {
  readonly version: string;
  /** `stale` when something newer has errors: then the last good configuration is in force, and findings say why. */
  readonly configuration: Configuration;
  readonly proxies: readonly (Omit<ProxyStatus, 'connectedAt'> & { readonly connectedAt: string })[];
  readonly findings: readonly Finding[];
  /** Who called whom, as access logs tell. */
  readonly calls: readonly ObservedCall[];
}

/** @param namespace of whose proxies, findings and calls it tells; undefined: of all. */
export function statusOf(
  version: string,
  source: MeshSource,
  { connected, rejected }: { connected: readonly ProxyStatus[]; rejected: readonly Quarantined[] },
  calls: ObservedCalls,
  namespace?: string,
): Status {
  const started = Date.now() - systemClock.now();
  const isIn = (name: string) => namespace === undefined || namespaceOf(name) === namespace;
  const findings = [...source.blame(rejected), ...source.findings, ...source.analysis()];
  return {
    version,
    configuration: source.configuration,
    proxies: connected
      .filter(({ node }) => isIn(node.id.split('~')[2] ?? ''))
      .map((proxy) => ({ ...proxy, connectedAt: new Date(started + proxy.connectedAt).toISOString() })),
    findings:
      namespace === undefined ? findings : findings.filter(({ resource }) => resource.includes(` ${namespace}/`)),
    calls: calls.all().filter(({ source: caller, destination }) => isIn(caller) || isIn(destination)),
  };
}

/** Of `NAME.NAMESPACE`, `NAME.NAMESPACE.svc.…:PORT` or a SPIFFE id. */
export function namespaceOf(end: string): string | undefined {
  if (end.startsWith('spiffe://')) return end.split('/')[4];
  const labels = end.split(/[: ]/, 1)[0]!.split('.');
  const svc = labels.lastIndexOf('svc');
  return svc > 1 ? labels[svc - 1] : labels.at(-1);
}
