/** What this control plane writes to its API server, when it leads. Wiring only; the parts are in lib/controllers. */
import { type KubeObject, objectName } from '../../lib/api/object';
import { GatewayDeployer } from '../../lib/controllers/gateway-deployer';
import { StatusController } from '../../lib/controllers/status-controller';
import type { WriteOutcome } from '../../lib/controllers/status-writer';
import { type Leadership, soleReplica } from '../../lib/discovery/kubernetes';
import { systemClock } from '../../lib/discovery/kubernetes/watch';
import type { GatewayWorkloadOptions } from '../../lib/injector';
import { LocalReports, type ProxyReports } from '../../lib/xds/local-reports';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { XdsServer } from '../../lib/xds/server';
import type { Logger } from '../../lib/xds/source';
import type { Registry } from './registry';

export interface ControllersOptions {
  readonly registry: Registry;
  readonly source: MeshSource;
  readonly xds: XdsServer;
  /** What proxies have made of the objects. Default: those of `xds` alone are asked. */
  readonly reports?: ProxyReports;
  /** All objects as the registry last told them. */
  readonly objects: () => readonly KubeObject[];
  /** Default: this replica leads. */
  readonly leadership?: Leadership;
  /** What the proxies of Gateways that deploy themselves are made from. Default: none of them does. */
  readonly gateways?: GatewayWorkloadOptions;
  readonly log: Logger;
}

/** Undefined where there is no API server to write to. */
export function startControllers(options: ControllersOptions): { close(): void } | undefined {
  const { registry, source, xds, objects, leadership = soleReplica, gateways, log } = options;
  const { client, standings } = registry;
  const { reports = new LocalReports(source, xds) } = options;
  if (!client || !standings) return undefined;
  log.info({ server: client.server }, 'statuses are written by this control plane when it leads');
  const statuses = new StatusController({
    api: client,
    leadership,
    clock: systemClock,
    cluster: {
      objects,
      world: () => source.world,
      standing: (object) => standings.of(object),
      subscribe(onChange) {
        const stops = [source.subscribe(onChange), standings.subscribe(onChange)];
        return () => {
          for (const stop of stops) stop();
        };
      },
    },
    reports,
    onOutcome: outcomeLog(log),
  });
  const deployer =
    gateways &&
    new GatewayDeployer({
      api: client,
      leadership,
      clock: systemClock,
      world: () => source.world,
      subscribe: (onChange) => source.subscribe(onChange),
      workload: gateways,
      onApplied: (object) => log.info({ object: objectName(object) }, 'applied for a Gateway'),
      onTrouble: (object, error) => log.warn({ object: objectName(object), error }, 'cannot be applied for a Gateway'),
    });
  return {
    close() {
      statuses.close();
      deployer?.close();
    },
  };
}

/** Conflicts are daily bread; what is forbidden is told once, or each object would say it. */
function outcomeLog(log: Logger) {
  let isForbidden = false;
  return (outcome: WriteOutcome, _: KubeObject, problem?: string) => {
    if (outcome === 'written') isForbidden = false;
    if (outcome === 'invalid' || outcome === 'failed') log.warn({ error: problem }, 'a status cannot be written');
    if (outcome !== 'forbidden' || isForbidden) return;
    isForbidden = true;
    log.warn(
      { error: problem },
      'statuses may not be written; the control plane needs patch on the status subresource',
    );
  };
}
