/** The ports that a sidecar has in its Pod: what listens there besides is never reached, or never encrypted. */
import type { Construct } from 'constructs';
import { ProxyPort } from '../lib/injector';
import type { Port } from './port';
import { problemAt } from './problem';

/** Where the application cannot listen, by who is there. */
const IN_POD: ReadonlyMap<number, string> = new Map([
  [ProxyPort.admin, 'its administration'],
  [ProxyPort.outbound, 'outgoing connections'],
  [ProxyPort.inbound, 'incoming connections'],
  [ProxyPort.mergedMetrics, 'metrics, which no sidecar captures'],
  [ProxyPort.readiness, 'its readiness'],
  [ProxyPort.metrics, 'its metrics'],
]);

/** What callers cannot dial: their own sidecars have these two on every address. */
const TO_CALLERS: ReadonlySet<number> = new Set([ProxyPort.outbound, ProxyPort.inbound]);

/** @throws when one of the ports of a service beyond the mesh is one that its callers' sidecars have: a call never gets out. */
export function checkDialled(service: Construct, ports: readonly Port[]): void {
  const port = ports.find(({ number }) => TO_CALLERS.has(number));
  if (!port) return;
  throw problemAt(service, {
    code: 'MAL0115',
    what: 'callers cannot dial a port of their sidecar',
    got: `${port.number}, which is for ${IN_POD.get(port.number)}`,
    allowed: `all but ${[...TO_CALLERS].join(', ')}`,
    fix: `have workloads call another port: Port.${port.protocol}(8080, { targetPort: ${port.targetPort} })`,
  });
}

/** @throws when one of the ports, as the application has it, is one of its sidecar or of its callers' sidecars. */
export function checkReserved(service: Construct, ports: readonly Port[], way: 'transparent' | 'explicit'): void {
  const inPod = way === 'explicit' ? new Map([...IN_POD, [ProxyPort.explicitProxy, 'its HTTP proxy']]) : IN_POD;
  for (const { number, protocol, targetPort } of ports) {
    const use = inPod.get(targetPort) ?? (TO_CALLERS.has(number) ? IN_POD.get(number) : undefined);
    if (!use) continue;
    const isTarget = inPod.has(targetPort);
    throw problemAt(service, {
      code: 'MAL0115',
      what: isTarget ? 'the workload listens on a port of its sidecar' : 'callers cannot dial a port of their sidecar',
      got: `${isTarget ? targetPort : number}, which is for ${use}`,
      allowed: `all but ${[...(isTarget ? inPod.keys() : TO_CALLERS)].join(', ')}`,
      fix: isTarget
        ? `have the workload listen elsewhere, and say so: Port.${protocol}(8080)`
        : `Port.${protocol}(8080, { targetPort: ${targetPort} })`,
    });
  }
}
