/** The Pods of the objects, and what will make Pods: by labels, by namespace, and whether they are in the mesh. */
import type { Container, Pod, PodSpec, WorkloadController } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import { carries, type Labels } from './label-selector';
import { namespaceOf } from './names';

/** A Pod, or the template of what makes Pods. */
export interface KnownWorkload {
  /** The Pod, or the Deployment, StatefulSet, DaemonSet or ReplicaSet. */
  readonly object: KubeObject;
  readonly isPod: boolean;
  readonly namespace: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly spec: PodSpec;
}

/** The name of the sidecar's container. */
export const PROXY_CONTAINER = 'istio-proxy';

const NO_SPEC: PodSpec = { containers: [] };

export class Workloads {
  private readonly byNamespace = new Map<string, KnownWorkload[]>();
  private readonly byLabel = new Map<string, KnownWorkload[]>();

  /** All, Pods first. A controller is left out where one of its Pods is there. */
  readonly all: readonly KnownWorkload[];

  constructor(pods: readonly Pod[], controllers: readonly WorkloadController[]) {
    for (const pod of pods) {
      this.add({
        object: pod,
        isPod: true,
        namespace: namespaceOf(pod),
        labels: pod.metadata.labels ?? {},
        annotations: pod.metadata.annotations ?? {},
        spec: pod.spec ?? NO_SPEC,
      });
    }
    for (const controller of controllers) {
      const workload = templateOf(controller);
      const made = this.matching(workload.labels, workload.namespace).some((other) => other.isPod);
      if (!made || Object.keys(workload.labels).length === 0) {
        this.add(workload);
      }
    }
    this.all = [...this.byNamespace.values()].flat();
  }

  /** Those of a namespace. */
  in(namespace: string): readonly KnownWorkload[] {
    return this.byNamespace.get(namespace) ?? [];
  }

  /** Those with these labels, of `namespace` or of all; no labels select every one. */
  matching(labels: Labels | undefined, namespace?: string): readonly KnownWorkload[] {
    let candidates: readonly KnownWorkload[] | undefined;
    for (const key in labels) {
      const some = this.byLabel.get(`${key}=${labels[key]}`) ?? [];
      candidates = !candidates || some.length < candidates.length ? some : candidates;
    }
    candidates ??= namespace === undefined ? this.all : this.in(namespace);
    return candidates.filter(
      (workload) => (namespace === undefined || workload.namespace === namespace) && carries(workload.labels, labels),
    );
  }

  private add(workload: KnownWorkload): void {
    push(this.byNamespace, workload.namespace, workload);
    for (const key in workload.labels) {
      push(this.byLabel, `${key}=${workload.labels[key]}`, workload);
    }
  }
}

function templateOf(object: WorkloadController): KnownWorkload {
  const template = object.spec?.template;
  return {
    object,
    isPod: false,
    namespace: namespaceOf(object),
    labels: template?.metadata?.labels ?? {},
    annotations: template?.metadata?.annotations ?? {},
    spec: template?.spec ?? NO_SPEC,
  };
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list) {
    list.push(item);
  } else {
    map.set(key, [item]);
  }
}

/** All containers, native sidecars included. */
export function containersOf(spec: PodSpec): Container[] {
  return [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
}

const INJECT = 'sidecar.istio.io/inject';

/** Whether the workload has a sidecar, or gets one: by its own label or annotation, else by its namespace's label. */
export function isInMesh(workload: KnownWorkload, namespace: KubeObject | undefined): boolean {
  if (containersOf(workload.spec).find((container) => container.name === PROXY_CONTAINER)?.image) {
    return true;
  }
  const own = workload.labels[INJECT] ?? workload.annotations[INJECT];
  return own === undefined ? namespace?.metadata.labels?.['istio-injection'] === 'enabled' : own === 'true';
}

/** Whether a Pod takes part in the mesh without a sidecar. */
export function isAmbient(workload: KnownWorkload): boolean {
  return workload.annotations['ambient.istio.io/redirection'] === 'enabled';
}
