/** Which node of the graph a Pod, a host name or an identity stands for. */
import type { ServiceEntry } from '../api';
import type { Service as KubeService, Pod } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import {
  canonicalRevision,
  canonicalService,
  fromKubernetes,
  fromServiceEntry,
  type Labels,
  parseIdentity,
  type Service,
  type WorldView,
  workloadOf,
} from '../world';

export type NodeKind = 'service' | 'gateway' | 'workload' | 'external';

export interface Instance {
  readonly namespace: string;
  readonly labels: Labels;
  readonly account: string;
  readonly version: string;
  /** The controller that made it. */
  readonly workload: string;
}

/** A node as it is gathered. */
export interface Entry {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly kind: NodeKind;
  readonly host?: string;
  readonly instances: readonly Instance[];
}

type Gathered = Omit<Entry, 'kind' | 'instances'> & { kind: NodeKind; instances: Instance[] };

/** Made once for a World. */
export class Directory {
  private readonly entries = new Map<string, Gathered>();
  private readonly byPod = new Map<string, Entry>();
  private readonly byHost = new Map<string, Entry>();
  private readonly byAccount = new Map<string, Set<Entry>>();

  constructor(
    private readonly world: WorldView,
    objects: readonly KubeObject[],
  ) {
    for (const object of objects) {
      if (object.kind === 'Service' && object.apiVersion === 'v1')
        this.addService(fromKubernetes(object as KubeService));
      if (object.kind === 'ServiceEntry')
        for (const each of fromServiceEntry(object as ServiceEntry)) this.addService(each);
    }
    for (const object of objects) if (object.kind === 'Pod') this.addPod(object as Pod);
    for (const object of objects) {
      if (object.kind !== 'WorkloadEntry') continue;
      const { metadata, spec = {} } = object as KubeObject & { spec?: { labels?: Labels; serviceAccount?: string } };
      this.addInstance(
        metadata.name,
        metadata.namespace ?? 'default',
        spec.labels ?? {},
        spec.serviceAccount,
        metadata.name,
      );
    }
  }

  all(): readonly Entry[] {
    return [...this.entries.values()];
  }

  /** @param name `NAME.NAMESPACE` of a Pod or WorkloadEntry. */
  ofPod(name: string): Entry | undefined {
    return this.byPod.get(name);
  }

  ofHost(host: string): Entry | undefined {
    return this.byHost.get(host);
  }

  /** The nodes that run as an account. */
  ofAccount(namespace: string, account: string): readonly Entry[] {
    return [...(this.byAccount.get(`${namespace}/${account}`) ?? [])];
  }

  /** @param uri a SPIFFE identity. */
  ofIdentity(uri: string): readonly Entry[] {
    try {
      const { namespace, serviceAccount } = parseIdentity(uri);
      return this.ofAccount(namespace, serviceAccount);
    } catch {
      return [];
    }
  }

  private addService(service: Service): void {
    const { hostname: host, name, namespace, registry } = service;
    const isOurs = registry === 'Kubernetes' && !service.externalName;
    const entry: Gathered = {
      id: isOurs ? `${namespace}/${name}` : host,
      name: isOurs ? name : host,
      namespace,
      kind: isOurs || service.external === false ? 'service' : 'external',
      host,
      instances: [],
    };
    if (this.byHost.has(host)) return;
    this.byHost.set(host, entry);
    this.entries.set(entry.id, entry);
  }

  private addPod(pod: Pod): void {
    const { name, namespace = 'default', labels = {} } = pod.metadata;
    this.addInstance(name, namespace, labels, pod.spec?.serviceAccountName, workloadOf(pod).name);
  }

  private addInstance(name: string, namespace: string, labels: Labels, account = 'default', workload = name): void {
    const canonical = canonicalService(labels, workload);
    const services = this.world.servicesOfWorkload(namespace, labels);
    const own = services.find((service) => service.name === canonical) ?? services[0];
    const isGateway = this.world.gateways(namespace, labels).length > 0;
    const known = own && this.byHost.get(own.hostname);
    const id = known?.id ?? `${namespace}/${canonical}`;
    const entry: Gathered = this.entries.get(id) ?? { id, name: canonical, namespace, kind: 'workload', instances: [] };
    if (isGateway) entry.kind = 'gateway';
    entry.instances.push({ namespace, labels, account, version: canonicalRevision(labels), workload });
    this.entries.set(id, entry);
    this.byPod.set(`${name}.${namespace}`, entry);
    const accounts = this.byAccount.get(`${namespace}/${account}`) ?? new Set();
    this.byAccount.set(`${namespace}/${account}`, accounts.add(entry));
  }
}
