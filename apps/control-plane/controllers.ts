/** What this control plane writes to its API server, when it leads. Wiring only; the parts are in lib/controllers. */
import { type KubeObject, objectName } from '../../lib/api/object';
import { owningRevision } from '../../lib/api/revisions';
import { GatewayDeployer } from '../../lib/controllers/gateway-deployer';
import { StatusController } from '../../lib/controllers/status-controller';
import type { WriteOutcome } from '../../lib/controllers/status-writer';
import { type Leadership, soleReplica } from '../../lib/discovery/kubernetes';
import { systemClock } from '../../lib/discovery/kubernetes/watch';
import type { GatewayWorkloadOptions } from '../../lib/injector';
import { askedRevision, type World } from '../../lib/world';
import { LocalReports, type ProxyReports } from '../../lib/xds/local-reports';
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
  /** Who writes, as one of several: what concerns the whole mesh, and what its revision alone. Default: this replica writes all. */
  readonly writers?: { readonly mesh: Writer; readonly revision: Writer };
  /** By which namespaces and objects ask for this revision. Default: it is the only one. */
  readonly names?: () => ReadonlySet<string>;
  /** What the proxies of Gateways that deploy themselves are made from. Default: none of them does. */
  readonly gateways?: GatewayWorkloadOptions;
  readonly log: Logger;
}

/** Whether this replica writes, and what it knows of proxies then. */
interface Writer {
  readonly leadership: Leadership;
  /** What proxies have made of the objects. */
  readonly reports: ProxyReports;
}

/** Undefined where there is no API server to write to. */
export function startControllers(options: ControllersOptions): { close(): void } | undefined {
  const { registry, source, xds, objects, writers, names, gateways, log } = options;
  const { client, standings } = registry;
  if (!client || !standings) return undefined;
  log.info({ server: client.server }, 'statuses are written by this control plane when it leads');
  const writes = (isConcerned: (object: KubeObject) => boolean, { leadership, reports }: Writer) =>
    new StatusController({
      api: client,
      leadership,
      clock: systemClock,
      cluster: {
        objects: () => objects().filter(isConcerned),
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
  // What names a revision is known to that one alone; all else is known to all, and one speaks for them.
  const isForAll = (object: KubeObject) => askedRevision(object) === undefined;
  const statuses = writers
    ? [writes(isForAll, writers.mesh), writes((object) => !isForAll(object), writers.revision)]
    : [writes(() => true, { leadership: soleReplica, reports: new LocalReports(source, xds) })];
  const deployer =
    gateways &&
    new GatewayDeployer({
      api: client,
      leadership: writers?.revision.leadership ?? soleReplica,
      clock: systemClock,
      world: () => source.world,
      isOurs: (gateway) => isOurs(gateway, source.world, names?.()),
      subscribe: (onChange) => source.subscribe(onChange),
      workload: gateways,
      onApplied: (object) => log.info({ object: objectName(object) }, 'applied for a Gateway'),
      onTrouble: (object, error) => log.warn({ object: objectName(object), error }, 'cannot be applied for a Gateway'),
    });
  return {
    close() {
      for (const each of statuses) each.close();
      deployer?.close();
    },
  };
}

/** Proxies ask one revision for their configuration, so one of them makes them. */
function isOurs({ metadata }: KubeObject, world: World | undefined, names: ReadonlySet<string> | undefined): boolean {
  const namespace = world?.inventory.namespaces.get(metadata.namespace ?? 'default')?.metadata.labels;
  return names?.has(owningRevision(metadata.labels, namespace)) ?? true;
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
