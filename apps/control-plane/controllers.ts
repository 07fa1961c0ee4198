/** What this control plane writes to its API server, when it leads. Wiring only; the parts are in lib/controllers. */
import type { KubeObject } from '../../lib/api/object';
import { StatusController } from '../../lib/controllers/status-controller';
import type { WriteOutcome } from '../../lib/controllers/status-writer';
import { type Leadership, soleReplica } from '../../lib/discovery/kubernetes';
import { systemClock } from '../../lib/discovery/kubernetes/watch';
import { LocalReports } from '../../lib/xds/local-reports';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { XdsServer } from '../../lib/xds/server';
import type { Logger } from '../../lib/xds/source';
import type { Registry } from './registry';

export interface ControllersOptions {
  readonly registry: Registry;
  readonly source: MeshSource;
  readonly xds: XdsServer;
  /** All objects as the registry last told them. */
  readonly objects: () => readonly KubeObject[];
  /** Default: this replica leads. */
  readonly leadership?: Leadership;
  readonly log: Logger;
}

/** Undefined where there is no API server to write to. */
export function startControllers(options: ControllersOptions): { close(): void } | undefined {
  const { registry, source, xds, objects, leadership = soleReplica, log } = options;
  const { client, standings } = registry;
  if (!client || !standings) return undefined;
  log.info({ server: client.server }, 'statuses are written by this control plane when it leads');
  return new StatusController({
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
    reports: new LocalReports(source, xds),
    onOutcome: outcomeLog(log),
  });
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
