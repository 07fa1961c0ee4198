/** What analyzers share: the objects by kind, and what can be looked up among them. Built once for all analyzers. */
import type { Kind } from '../../api/kind';
import type { Service } from '../../api/kubernetes';
import type { MeshConfig } from '../../api/mesh/mesh-config';
import { ServiceEntry } from '../../api/networking/service-entry';
import { groupOf, type KubeObject } from '../../api/object';
import { HostIndex } from './host-index';

export interface AnalyzeOptions {
  meshConfig?: MeshConfig;
  /** Default: the mesh configuration's, else `istio-system`. */
  rootNamespace?: string;
}

/** A service of the registry, from Kubernetes or from a ServiceEntry. */
export interface KnownHost {
  host: string;
  /** The namespace of the object that makes it known. */
  namespace: string;
  /** The namespaces that see it; `*` is all. */
  visibleIn: ReadonlySet<string>;
  ports: readonly number[];
}

/** Pods, and what makes Pods. */
export interface KnownWorkload {
  namespace: string;
  labels: Record<string, string>;
}

export class Analysis {
  private readonly byKind = new Map<string, KubeObject[]>();
  private readonly hosts = new HostIndex<KnownHost>();
  private readonly described = new Set<string>();
  private readonly byLabel = new Map<string, KnownWorkload[]>();

  /** The namespace whose objects hold for all. */
  readonly rootNamespace: string;

  constructor(objects: readonly KubeObject[], options: AnalyzeOptions = {}) {
    this.rootNamespace = options.rootNamespace ?? options.meshConfig?.rootNamespace ?? 'istio-system';
    for (const object of objects) {
      const key = `${groupOf(object)}/${object.kind}`;
      const list = this.byKind.get(key);
      if (list) {
        list.push(object);
      } else {
        this.byKind.set(key, [object]);
      }
    }
    this.collectHosts();
    this.collectWorkloads();
  }

  /** The objects of a kind of the mesh API, or of `group/Kind`. */
  of<T extends KubeObject>(kind: Kind | string): readonly T[] {
    const key = typeof kind === 'string' ? kind : `${kind.group}/${kind.kind}`;
    return (this.byKind.get(key) ?? []) as T[];
  }

  /** What `host`, written in an object of `namespace`, means in the registry, as far as that namespace sees it. */
  lookup(host: string, namespace: string): KnownHost | undefined {
    return this.hosts.nearest(fullName(host, namespace)).find((known) => isVisible(known.visibleIn, namespace));
  }

  /** The names of the hosts in the registry that `namespace` sees. */
  hostsVisibleIn(namespace: string): string[] {
    return [...this.hosts.hosts()].filter((host) =>
      this.hosts.same(host).some((known) => isVisible(known.visibleIn, namespace)),
    );
  }

  /** Whether any service or workload of `namespace` is among the objects. */
  describes(namespace: string): boolean {
    return this.described.has(namespace);
  }

  /** The workloads of all namespaces that carry these labels; none for no labels. */
  workloads(labels: Record<string, string>): readonly KnownWorkload[] {
    const pairs = Object.entries(labels);
    const candidates = pairs
      .map(([key, value]) => this.byLabel.get(`${key}=${value}`) ?? [])
      .sort((a, b) => a.length - b.length)[0];
    return (candidates ?? []).filter((workload) => pairs.every(([key, value]) => workload.labels[key] === value));
  }

  private collectHosts(): void {
    for (const service of this.of<Service>('/Service')) {
      const namespace = namespaceOf(service);
      this.described.add(namespace);
      const exportTo = service.metadata.annotations?.['networking.istio.io/exportTo']
        ?.split(',')
        .map((entry) => entry.trim());
      const host = `${service.metadata.name}.${namespace}.svc.cluster.local`;
      const ports = (service.spec?.ports ?? []).map((port) => port.port);
      this.hosts.add(host, { host, namespace, visibleIn: visibility(exportTo, namespace), ports });
    }
    for (const entry of this.of<ServiceEntry>(ServiceEntry)) {
      const namespace = namespaceOf(entry);
      const visibleIn = visibility(entry.spec.exportTo, namespace);
      const ports = (entry.spec.ports ?? []).map((port) => port.number);
      for (const host of entry.spec.hosts) {
        this.hosts.add(fullName(host, namespace), { host, namespace, visibleIn, ports });
      }
    }
  }

  private collectWorkloads(): void {
    const templates = ['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet'].flatMap((kind) =>
      this.of(kind),
    );
    const made = templates.map((object) => ({
      namespace: namespaceOf(object),
      labels:
        (object.spec as { template?: { metadata?: { labels?: Record<string, string> } } })?.template?.metadata
          ?.labels ?? {},
    }));
    const pods = this.of('/Pod').map((pod) => ({ namespace: namespaceOf(pod), labels: pod.metadata.labels ?? {} }));
    for (const workload of [...pods, ...made]) {
      this.described.add(workload.namespace);
      for (const [key, value] of Object.entries(workload.labels)) {
        const pair = `${key}=${value}`;
        const list = this.byLabel.get(pair);
        if (list) {
          list.push(workload);
        } else {
          this.byLabel.set(pair, [workload]);
        }
      }
    }
  }
}

/** The namespace that an object has, or that kubectl would give it. */
export function namespaceOf(object: KubeObject): string {
  return object.metadata.namespace ?? 'default';
}

/** A name without dots means a service of the namespace; every other host is complete. */
export function fullName(host: string, namespace: string): string {
  return host === '*' || host.includes('.') ? host : `${host}.${namespace}.svc.cluster.local`;
}

/** The namespaces that `exportTo` means, in an object of `namespace`. */
export function visibility(exportTo: readonly string[] | undefined, namespace: string): ReadonlySet<string> {
  if (!exportTo?.length || exportTo.includes('*')) {
    return new Set(['*']);
  }
  return new Set(exportTo.filter((entry) => entry !== '~').map((entry) => (entry === '.' ? namespace : entry)));
}

export function isVisible(visibleIn: ReadonlySet<string>, namespace: string): boolean {
  return visibleIn.has('*') || visibleIn.has(namespace);
}
