/** A whole cluster, watched: one reflector for each resource, and one for each Secret or ConfigMap that a gateway names. */
import { groupOf, type KubeObject } from '../../api/object';
import type { Api } from './client';
import { type CredentialName, namedCredentials } from './credentials';
import { Reflector, type ReflectorClock } from './reflector';
import { clusterResources, namedResource, type Resource, resourceName, type Standing } from './resource';

export interface ClusterWatchOptions {
  readonly api: Api;
  /** Where the ConfigMap `istio` is read. */
  readonly rootNamespace: string;
  /** Of the control plane that reads. Default: the default one. */
  readonly revision?: string;
  /** All objects there are, each time some have changed. Never called before every resource has been listed. */
  readonly onChange: (objects: KubeObject[]) => void;
  /** What stands beside objects has changed (`standing`), and nothing else. */
  readonly onStanding?: () => void;
  /** A resource cannot be read, or its list is doubted; undefined: it goes well again. Told when it changes. */
  readonly onTrouble?: (resource: string, trouble: string | undefined) => void;
  /** Default: the system's. */
  readonly clock?: ReflectorClock;
  readonly random?: () => number;
}

/** One resource, for metrics and status. */
export interface ResourceStatus {
  readonly resource: string;
  readonly objects: number;
  /** Objects that stay in force although the newest list leaves them out. */
  readonly held: number;
  readonly isWhole: boolean;
  readonly trouble?: string;
}

/** Each costs a connection; Gateways of tenants may name any number. */
const MOST_CREDENTIALS = 1000;
/** Changes that come together make one World. */
const GATHER_MS = 1;

export const systemClock: ReflectorClock = {
  now: () => performance.now(),
  after(milliseconds, task) {
    const timer = setTimeout(task, milliseconds);
    return () => clearTimeout(timer);
  },
};

export class ClusterWatch {
  /** Resolves when every resource has been listed and the first objects were told. Waits as long as that takes. */
  readonly whole: Promise<void>;
  private told: () => void = () => undefined;
  private isTold = false;
  private closed = false;
  private uid: string | undefined;
  private readonly reflectors: Reflector[] = [];
  private readonly byKind = new Map<string, Reflector>();
  private readonly credentials = new Map<string, Reflector>();
  private readonly troubles = new Map<string, string>();
  private readonly names = new Map<Reflector, string>();
  private readonly clock: ReflectorClock;
  private pending: (() => void) | undefined;
  /** How long the last round took: a round that is dear makes the next one wait, so that work is never all there is. */
  private cost = 0;
  private lastEnd = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ClusterWatchOptions) {
    this.clock = options.clock ?? systemClock;
    this.whole = new Promise((resolve) => {
      this.told = resolve;
    });
    this.reflectors = clusterResources(options.rootNamespace, options.revision).map((resource) => {
      const reflector = this.reflect(resource, resource.isOptional ?? false);
      if (resource.hasOwnStatus) this.byKind.set(`${resource.group}/${resource.kind}`, reflector);
      return reflector;
    });
  }

  /** What stands on the API server beside an object of the mesh; undefined when it is gone, or no object of the mesh. */
  standing(object: KubeObject): Standing | undefined {
    const { namespace, name } = object.metadata;
    return this.byKind.get(`${groupOf(object)}/${object.kind}`)?.standing(namespace, name);
  }

  /** Stops watching. Nothing is told after it. */
  close(): void {
    this.closed = true;
    this.pending?.();
    for (const reflector of [...this.reflectors, ...this.credentials.values()]) reflector.stop();
  }

  status(): ResourceStatus[] {
    return [...this.reflectors, ...this.credentials.values()].map((reflector) => {
      const resource = this.names.get(reflector)!;
      const { objects, heldObjects: held, isWhole } = reflector;
      return { resource, objects: objects.length, held, isWhole, trouble: this.troubles.get(resource) };
    });
  }

  private reflect(resource: Resource, optional: boolean): Reflector {
    const name = resourceName(resource);
    const reflector = new Reflector({
      api: this.options.api,
      resource,
      optional,
      clock: this.clock,
      random: this.options.random,
      onChange: () => this.changed(),
      onStanding: () => {
        if (this.isTold && !this.closed) this.options.onStanding?.();
      },
      onTrouble: (trouble) => this.note(name, trouble),
      isSameCluster: () => this.isSameCluster(),
    });
    this.names.set(reflector, name);
    reflector.start();
    return reflector;
  }

  private note(resource: string, trouble: string | undefined): void {
    if (this.closed || this.troubles.get(resource) === trouble) return;
    if (trouble === undefined) this.troubles.delete(resource);
    else this.troubles.set(resource, trouble);
    this.options.onTrouble?.(resource, trouble);
  }

  /** Nobody can give a cluster the uid of another one's kube-system. */
  private async isSameCluster(): Promise<boolean> {
    try {
      return (await this.kubeSystem()) === this.uid;
    } catch {
      return false;
    }
  }

  private async kubeSystem(): Promise<string | undefined> {
    const { metadata } = await this.options.api.get<KubeObject>('/api/v1/namespaces/kube-system');
    return metadata.uid;
  }

  private changed(): void {
    if (this.closed || this.pending) return;
    const wait = Math.max(GATHER_MS, this.lastEnd + 2 * this.cost - this.clock.now());
    this.pending = this.clock.after(wait, () => {
      this.pending = undefined;
      this.tell();
    });
  }

  private tell(): void {
    if (!this.reflectors.every(({ isWhole }) => isWhole)) return;
    const started = this.clock.now();
    const objects = this.reflectors.flatMap((reflector) => reflector.objects);
    this.uid ??= objects.find(
      ({ kind, metadata }) => kind === 'Namespace' && metadata.name === 'kube-system',
    )?.metadata.uid;
    this.watchCredentials(namedCredentials(objects));
    const credentials = [...this.credentials.values()];
    // A gateway that is new waits for its own Secret only; at the start everyone waits for all of them.
    if (!this.isTold && !credentials.every(({ isWhole }) => isWhole)) return;
    this.options.onChange([...objects, ...credentials.flatMap((reflector) => reflector.objects)]);
    this.lastEnd = this.clock.now();
    this.cost = this.lastEnd - started;
    if (!this.isTold) {
      this.isTold = true;
      this.told();
    }
  }

  private watchCredentials(names: readonly CredentialName[]): void {
    const keyOf = ({ kind, namespace, name }: CredentialName) => `${kind} ${namespace}/${name}`;
    const wanted = new Map(names.slice(0, MOST_CREDENTIALS).map((name) => [keyOf(name), name]));
    const left = names.length - wanted.size;
    this.note(
      'secrets',
      left > 0
        ? `Gateways and images name ${names.length} Secrets; ${left} beyond ${MOST_CREDENTIALS} are not read`
        : undefined,
    );
    for (const [key, reflector] of this.credentials) {
      if (wanted.has(key)) continue;
      reflector.stop();
      this.troubles.delete(this.names.get(reflector)!);
      this.names.delete(reflector);
      this.credentials.delete(key);
    }
    for (const [key, name] of wanted) {
      if (!this.credentials.has(key)) this.credentials.set(key, this.reflect(namedResource(name), true));
    }
  }
}
