/**
 * Applies what Gateways need to run (`lib/injector/gateway-workload.ts`), for those that deploy themselves. An object that was
 * there before, and is not the Gateway's, is left alone. What is applied already is looked at again every five minutes, so that
 * what others have changed comes back; applying what stands there changes nothing.
 */
import type { WorkloadController } from '../api/kubernetes';
import { type KubeObject, objectName } from '../api/object';
import { KubeApiError, type Leadership } from '../discovery/kubernetes';
import { Backoff } from '../discovery/kubernetes/backoff';
import type { Method, PatchType, Query } from '../discovery/kubernetes/client';
import type { ReflectorClock } from '../discovery/kubernetes/reflector';
import { deploysItself, type GatewayWorkloadOptions, gatewayWorkload, withBootstrapPatches } from '../injector';
import { bootstrapPatchesOf, servedListeners, type World } from '../world';

/** Under this name what we have applied is ours. */
export const GATEWAY_MANAGER = 'malha-gateways';

export interface DeployerApi {
  request<T = KubeObject>(method: Method, path: string): Promise<T>;
  patch<T = KubeObject>(path: string, type: PatchType, patch: unknown, query?: Query): Promise<T>;
}

export interface GatewayDeployerOptions {
  readonly api: DeployerApi;
  readonly leadership: Leadership;
  readonly clock: ReflectorClock;
  readonly world: () => World | undefined;
  /** Calls `onChange` after each World; returns how to stop. */
  readonly subscribe: (onChange: () => void) => () => void;
  /** Whether this control plane makes what a Gateway needs. Default: of all. */
  readonly isOurs?: (gateway: KubeObject) => boolean;
  /** What every gateway's proxy is made from. */
  readonly workload: GatewayWorkloadOptions;
  readonly onApplied?: (object: KubeObject) => void;
  readonly onTrouble?: (object: KubeObject, problem: string) => void;
  readonly random?: () => number;
}

const GATHER_MS = 200;
/** Ten objects a second. */
export const PACE_MS = 100;
export const AGAIN_MS = 300_000;

export class GatewayDeployer {
  /** What is to be applied, by name. */
  private queue = new Map<string, KubeObject>();
  /** What was applied, or cannot be, as text. */
  private done = new Map<string, string>();
  private readonly backoff: Backoff;
  private readonly stops: (() => void)[];
  private pending: (() => void) | undefined;
  private isWorking = false;
  private isClosed = false;

  constructor(private readonly options: GatewayDeployerOptions) {
    this.backoff = new Backoff({ first: 1_000, random: options.random });
    const look = () => this.later(GATHER_MS);
    this.stops = [options.subscribe(look), options.leadership.subscribe(look), this.forgetOften()];
    look();
  }

  close(): void {
    this.isClosed = true;
    for (const stop of this.stops) stop();
    this.pending?.();
  }

  private forgetOften(): () => void {
    let cancel = () => {};
    const wait = () => {
      cancel = this.options.clock.after(AGAIN_MS, () => {
        this.done.clear();
        this.later(0);
        wait();
      });
    };
    wait();
    return () => cancel();
  }

  private later(milliseconds: number): void {
    if (this.isClosed || this.pending || this.isWorking) return;
    this.pending = this.options.clock.after(milliseconds, () => {
      this.pending = undefined;
      this.look();
    });
  }

  private look(): void {
    const world = this.options.world();
    if (!world || !this.options.leadership.isLeader()) return;
    const wanted = new Map(
      workloadsOf(world, this.options.workload, this.options.isOurs).map((object) => [pathOf(object), object]),
    );
    for (const path of this.done.keys()) if (!wanted.has(path)) this.done.delete(path);
    this.queue = new Map([...wanted].filter(([path, object]) => this.done.get(path) !== JSON.stringify(object)));
    const [next] = this.queue;
    if (!next) return;
    this.isWorking = true;
    void this.apply(...next).then((pause) => {
      this.isWorking = false;
      this.later(pause);
    });
  }

  /** @returns how long to wait, in milliseconds. */
  private async apply(path: string, object: KubeObject): Promise<number> {
    const { api, onApplied, onTrouble } = this.options;
    try {
      const standing = await this.read(path);
      // A Gateway is as good a way to somebody else's Deployment as any, if names were enough.
      if (standing && !isOwned(standing, object)) {
        this.done.set(path, JSON.stringify(object));
        onTrouble?.(object, `${objectName(object)} is there already, and is not the Gateway’s: it is left alone`);
        return PACE_MS;
      }
      await api.patch(path, 'apply', object, { fieldManager: GATEWAY_MANAGER, force: true });
      this.done.set(path, JSON.stringify(object));
      this.backoff.reset();
      onApplied?.(object);
      return PACE_MS;
    } catch (error) {
      const code = error instanceof KubeApiError ? error.status : 0;
      onTrouble?.(object, (error as Error).message);
      // What the server refuses will be refused again; what it could not do, it may do later.
      if (code >= 400 && code < 500 && code !== 409 && code !== 429) {
        this.done.set(path, JSON.stringify(object));
        return PACE_MS;
      }
      return this.backoff.next();
    }
  }

  private async read(path: string): Promise<KubeObject | undefined> {
    try {
      return await this.options.api.request('GET', path);
    } catch (error) {
      if (error instanceof KubeApiError && error.isNotFound) return undefined;
      throw error;
    }
  }
}

/** Of all Gateways that deploy themselves. Without a uid it is none that an API server has. */
export function workloadsOf(
  world: World,
  options: GatewayWorkloadOptions,
  isOurs: (gateway: KubeObject) => boolean = () => true,
): KubeObject[] {
  return servedListeners(world).flatMap(({ gateway, listeners, overlays }) =>
    // With parameters that are not valid, what stands is left as it was.
    overlays &&
    gateway.metadata.uid !== undefined &&
    !gateway.metadata.deletionTimestamp &&
    deploysItself(gateway) &&
    isOurs(gateway)
      ? gatewayWorkload(gateway, listeners, options, overlays).map((object) => started(world, object))
      : [],
  );
}

/** The Deployment with what EnvoyFilters change of the bootstrap: a change rolls its Pods. */
function started(world: World, object: KubeObject): KubeObject {
  if (object.kind !== 'Deployment') return object;
  const { metadata, spec } = object as WorkloadController;
  const { template } = spec!;
  const { namespace = 'default' } = metadata;
  const labels = template.metadata?.labels ?? {};
  const patches = bootstrapPatchesOf(world, { type: 'router', namespace, labels });
  return { ...object, spec: { ...spec, template: withBootstrapPatches(template, patches) } };
}

function isOwned(standing: KubeObject, object: KubeObject): boolean {
  const uid = object.metadata.ownerReferences?.[0]?.uid;
  return (standing.metadata.ownerReferences ?? []).some((owner) => owner.controller && owner.uid === uid);
}

const PLURALS: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/NAMESPACE/serviceaccounts',
  Service: '/api/v1/namespaces/NAMESPACE/services',
  Deployment: '/apis/apps/v1/namespaces/NAMESPACE/deployments',
  PodDisruptionBudget: '/apis/policy/v1/namespaces/NAMESPACE/poddisruptionbudgets',
  HorizontalPodAutoscaler: '/apis/autoscaling/v2/namespaces/NAMESPACE/horizontalpodautoscalers',
};

function pathOf({ kind, metadata: { namespace, name } }: KubeObject): string {
  return `${PLURALS[kind]!.replace('NAMESPACE', namespace!)}/${name}`;
}
