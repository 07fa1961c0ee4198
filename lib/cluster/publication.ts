/**
 * Objects, or parts of objects, that the leader keeps as they should be. They are watched, so that what somebody else changes is
 * mended; they are written by server-side apply under a field manager of our own, and only when what is there says something
 * else, so that nothing is written twice. An object that bears another mesh's label is left alone.
 */
import { sameValue } from '../api/equality';
import { type KubeObject, objectName } from '../api/object';
import { MESH_LABEL } from '../api/ownership';
import type { KubeClient, Leadership } from '../discovery/kubernetes';
import { Backoff } from '../discovery/kubernetes/backoff';
import { Reflector, type ReflectorClock } from '../discovery/kubernetes/reflector';
import { pathOf, type Resource, resourceName } from '../discovery/kubernetes/resource';
import { systemClock } from '../discovery/kubernetes/watch';

export interface PublicationOptions {
  readonly api: Pick<KubeClient, 'get' | 'watch' | 'patch'>;
  readonly resource: Resource;
  /** The control plane's namespace: the mesh that what is published belongs to. */
  readonly mesh: string;
  readonly leadership: Leadership;
  /** What should be there, in the fields that are ours; made anew at each look. */
  readonly wanted: (present: readonly KubeObject[]) => readonly KubeObject[];
  /** Called before something is written; what is wanted is asked for again after it. */
  readonly prepare?: () => Promise<void>;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  readonly clock?: ReflectorClock;
}

export interface Publication {
  /** What is wanted may be something else now. */
  refresh(): void;
  close(): void;
}

/** Two that want different things must not drive the API server: a second round waits so long, in milliseconds. */
const BETWEEN_ROUNDS_MS = 1_000;

export function publish(options: PublicationOptions): Publication {
  return new Publisher(options);
}

class Publisher implements Publication {
  private readonly clock: ReflectorClock;
  private readonly reflector: Reflector;
  private readonly backoff = new Backoff({ first: 500 });
  private readonly unsubscribe: () => void;
  private cancel: (() => void) | undefined;
  private isWorking = false;
  private isClosed = false;
  private trouble = '';

  constructor(private readonly options: PublicationOptions) {
    const { api, resource, leadership, clock = systemClock } = options;
    this.clock = clock;
    this.reflector = new Reflector({
      api,
      resource,
      clock,
      onChange: () => this.refresh(),
      onTrouble: (trouble) => this.note(trouble ?? ''),
      isSameCluster: async () => true,
    });
    this.unsubscribe = leadership.subscribe(() => this.refresh());
    this.reflector.start();
  }

  refresh(): void {
    if (!this.isWorking && !this.cancel) void this.round();
  }

  close(): void {
    this.isClosed = true;
    this.unsubscribe();
    this.cancel?.();
    this.reflector.stop();
  }

  /** Never rejects. */
  private async round(): Promise<void> {
    const { leadership, prepare } = this.options;
    if (!this.reflector.isWhole) return;
    this.isWorking = true;
    let written = 0;
    try {
      if (leadership.isLeader() && this.due().length > 0) await prepare?.();
      let failure: Error | undefined;
      for (const { object, live } of this.due()) {
        if (this.isClosed || !leadership.isLeader()) break;
        // One that cannot be written keeps no other waiting.
        await this.write(object, live).then(
          () => written++,
          (error: Error) => {
            failure = error;
          },
        );
      }
      if (failure) throw failure;
      this.backoff.reset();
      if (written > 0) this.note('');
      this.isWorking = false;
      if (written > 0) this.later(BETWEEN_ROUNDS_MS);
    } catch (error) {
      this.isWorking = false;
      this.note((error as Error).message);
      this.later(this.backoff.next());
    }
  }

  /** What is not there as it is wanted. */
  private due(): { object: KubeObject; live: KubeObject | undefined }[] {
    const present = this.reflector.objects;
    return this.options
      .wanted(present)
      .map((object) => ({ object, live: present.find(({ metadata }) => isNamed(metadata, object.metadata)) }))
      .filter(({ object, live }) => !live || !says(live, object));
  }

  private async write(object: KubeObject, live: KubeObject | undefined): Promise<void> {
    const { api, resource, mesh, log } = this.options;
    const owner = live?.metadata.labels?.[MESH_LABEL];
    if (owner !== undefined && owner !== mesh) {
      throw new Error(`${objectName(object)} belongs to the mesh of namespace ${owner}: a cluster has one for all`);
    }
    const { namespace, name } = object.metadata;
    const query = { fieldManager: `malha-${mesh}`, force: true };
    await api.patch(
      `${pathOf({ ...resource, namespace: namespace ?? resource.namespace })}/${name}`,
      'apply',
      object,
      query,
    );
    log.info({ object: objectName(object) }, 'published');
  }

  private later(milliseconds: number): void {
    if (this.isClosed) return;
    this.cancel = this.clock.after(milliseconds, () => {
      this.cancel = undefined;
      this.refresh();
    });
  }

  private note(trouble: string): void {
    if (this.trouble === trouble) return;
    this.trouble = trouble;
    if (trouble === '') return;
    const { resource, log } = this.options;
    log.warn({ resource: resourceName(resource), error: trouble }, 'cannot be published; tried again');
  }
}

/** So that what was published for the cluster goes with what the manifests hold: its owner, found by its name. */
export async function ownerOf(
  api: Pick<KubeClient, 'get'>,
  resource: Resource & { readonly name: string },
): Promise<KubeObject['metadata']['ownerReferences']> {
  const { group, version, kind, name } = resource;
  const { metadata } = await api.get<KubeObject>(`${pathOf(resource)}/${name}`);
  return [{ apiVersion: `${group}/${version}`, kind, name, uid: metadata.uid }];
}

const isNamed = (a: KubeObject['metadata'], b: KubeObject['metadata']) =>
  a.name === b.name && a.namespace === b.namespace;

/** Whether `live` says all that `wanted` does. Items of lists that have names are compared by these. */
function says(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted) && Array.isArray(live)) {
    const names = wanted.map((item) => (item as { name?: unknown } | null)?.name);
    if (names.some((name) => typeof name !== 'string')) return sameValue(live, wanted);
    return wanted.every((item, at) => {
      const other = live.find((each) => (each as { name?: unknown } | null)?.name === names[at]);
      return other !== undefined && says(other, item);
    });
  }
  if (typeof wanted !== 'object' || wanted === null) return live === wanted;
  if (typeof live !== 'object' || live === null) return false;
  return Object.entries(wanted).every(
    ([key, value]) => value === undefined || says((live as Record<string, unknown>)[key], value),
  );
}
