/** What analyzers share: the objects by kind, and what can be looked up among them. Built once for all analyzers. */
import type { Kind } from '../../api/kind';
import type { ConfigMap, Pod, Service, WorkloadController } from '../../api/kubernetes';
import type { MeshConfig } from '../../api/mesh/mesh-config';
import type { MeshNetworks } from '../../api/mesh/mesh-networks';
import { ServiceEntry } from '../../api/networking/service-entry';
import { groupOf, type KubeObject } from '../../api/object';
import { nameKey } from '../../world/inventory';
import { DEFAULT_ROOT_NAMESPACE, findConfigMap, parseMapping } from '../../world/mesh-config';
import type { NamedRule } from '../custom-rule';
import { readableMeshConfig, readableMeshNetworks } from '../validate';
import { assumedGateway, isIngressGateway } from './assumed-gateway';
import { namespaceOf } from './names';
import { Registry } from './registry';
import { isInMesh, type KnownWorkload, Workloads } from './workloads';

export interface AnalyzeOptions {
  /** Default: key `mesh` of the ConfigMap `istio` in the root namespace, found as a World finds it. */
  meshConfig?: MeshConfig;
  /** Default: key `meshNetworks` of that ConfigMap. */
  meshNetworks?: MeshNetworks;
  /** Default: the mesh configuration's, else the namespace of its ConfigMap, else `istio-system`. */
  rootNamespace?: string;
  /** Rules of plugins beside Galley's own. Default: none. */
  rules?: readonly NamedRule[];
  /** The time at which certificates have to hold, in milliseconds since 1970. Default: now. */
  now?: number;
}

const CONTROLLERS = ['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet'];

export class Analysis {
  private readonly byKind = new Map<string, KubeObject[]>();
  private readonly broken = new Map<string, KubeObject[]>();
  private readonly assumed: ReadonlySet<KubeObject>;
  private readonly described = new Set<string>();

  /** The namespace whose objects hold for all. */
  readonly rootNamespace: string;
  readonly now: number;
  readonly meshConfig: MeshConfig;
  readonly meshNetworks: MeshNetworks;
  readonly registry: Registry;
  readonly workloads: Workloads;
  readonly namespaces: ReadonlyMap<string, KubeObject>;

  /**
   * @param objects of the form of their kinds.
   * @param others have an identity, but not the form of their kind; only what everyone has may be read of them.
   */
  constructor(objects: readonly KubeObject[], options: AnalyzeOptions = {}, others: readonly KubeObject[] = []) {
    this.now = options.now ?? Date.now();
    this.fileByKind(this.byKind, objects);
    this.fileByKind(this.broken, others);
    const given = options.meshConfig && readableMeshConfig(options.meshConfig);
    const configMaps = this.of<ConfigMap>('/ConfigMap').map(
      (map) => [nameKey(namespaceOf(map), map.metadata.name), map] as const,
    );
    const configMap = findConfigMap(new Map(configMaps), options.rootNamespace ?? given?.rootNamespace);
    this.meshConfig = given ?? readableMeshConfig(parseMapping(configMap?.data?.['mesh'] ?? '') ?? {});
    const networks = options.meshNetworks ?? parseMapping(configMap?.data?.['meshNetworks'] ?? '') ?? {};
    this.meshNetworks = readableMeshNetworks(networks);
    this.rootNamespace =
      options.rootNamespace ?? this.meshConfig.rootNamespace ?? configMap?.metadata.namespace ?? DEFAULT_ROOT_NAMESPACE;
    const controllers = CONTROLLERS.flatMap((kind) => this.of<WorkloadController>(kind));
    for (const object of [...this.of('/Service'), ...this.of('/Pod'), ...controllers]) {
      this.described.add(namespaceOf(object));
    }
    this.assumed = this.assumeGateway(controllers);
    this.registry = new Registry(this.of<Service>('/Service'), this.of<ServiceEntry>(ServiceEntry));
    this.workloads = new Workloads(this.of<Pod>('/Pod'), controllers);
    this.namespaces = new Map(this.of('/Namespace').map((object) => [object.metadata.name, object]));
  }

  /** The objects of a kind of the mesh API, or of `group/Kind`. */
  of<T extends KubeObject>(kind: Kind | string): readonly T[] {
    const key = typeof kind === 'string' ? kind : `${kind.group}/${kind.kind}`;
    return (this.byKind.get(key) ?? []) as T[];
  }

  /** The same, also those without the form of their kind: of these only metadata and what is checked first may be read. */
  allOf(kind: Kind | string): readonly KubeObject[] {
    const key = typeof kind === 'string' ? kind : `${kind.group}/${kind.kind}`;
    const broken = this.broken.get(key);
    return broken ? [...(this.byKind.get(key) ?? []), ...broken] : (this.byKind.get(key) ?? []);
  }

  /** Whether any service or workload of `namespace` is among the objects. */
  describes(namespace: string): boolean {
    return this.described.has(namespace);
  }

  /** Whether the workload has a sidecar or gets one. */
  isInMesh(workload: KnownWorkload): boolean {
    return isInMesh(workload, this.namespaces.get(workload.namespace));
  }

  /** Whether the object is only assumed, so that nothing has to be said about it. */
  isAssumed(object: KubeObject): boolean {
    return this.assumed.has(object);
  }

  private fileByKind(map: Map<string, KubeObject[]>, objects: readonly KubeObject[]): void {
    for (const object of objects) {
      const key = `${groupOf(object)}/${object.kind}`;
      const list = map.get(key);
      if (list) {
        list.push(object);
      } else {
        map.set(key, [object]);
      }
    }
  }

  private assumeGateway(controllers: readonly WorkloadController[]): ReadonlySet<KubeObject> {
    const exists =
      this.of('/Pod').some((pod) => isIngressGateway(pod.metadata.labels ?? {})) ||
      controllers.some((object) => isIngressGateway(object.spec?.template?.metadata?.labels ?? {}));
    if (exists) {
      return new Set();
    }
    const assumed = assumedGateway(this.rootNamespace);
    this.fileByKind(this.byKind, assumed);
    return new Set(assumed);
  }
}
