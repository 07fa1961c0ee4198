/** The value behind `/status`, which the console and `malha proxy-status` read. */
import type { Finding } from '../../lib/galley/finding';
import type { ObservedCall, ObservedCalls } from '../../lib/mixer/observed-calls';
import type { Configuration, MeshSource } from '../../lib/xds/mesh-source';
import type { XdsServer } from '../../lib/xds/server';
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

export function statusOf(version: string, source: MeshSource, xds: XdsServer, calls: ObservedCalls): Status {
  const started = Date.now() - systemClock.now();
  return {
    version,
    configuration: source.configuration,
    proxies: xds.proxies().map((proxy) => ({
      ...proxy,
      connectedAt: new Date(started + proxy.connectedAt).toISOString(),
    })),
    findings: [...source.findings, ...source.analysis()],
    calls: calls.all(),
  };
}
