/** The services that the objects make known, from Kubernetes and from ServiceEntries, and who sees them. */
import type { Service } from '../../api/kubernetes';
import type { ServiceEntry } from '../../api/networking/service-entry';
import { HostIndex } from './host-index';
import { carries, type Labels } from './label-selector';
import { fullName, isVisible, namespaceOf, visibility } from './names';

/** A service of the registry, from Kubernetes or from a ServiceEntry. */
export interface KnownHost {
  host: string;
  /** The namespace of the object that makes it known. */
  namespace: string;
  object: Service | ServiceEntry;
  /** The namespaces that see it; `*` is all. */
  visibleIn: ReadonlySet<string>;
  ports: readonly number[];
  /** The labels by which its workloads are selected; undefined for none. */
  selector: Labels | undefined;
}

export class Registry {
  private readonly index = new HostIndex<KnownHost>();
  /** Kubernetes Services, by their namespace and the first label that they select by. */
  private readonly byFirstLabel = new Map<string, KnownHost[]>();

  constructor(services: readonly Service[], entries: readonly ServiceEntry[]) {
    for (const service of services) {
      const namespace = namespaceOf(service);
      const exportTo = service.metadata.annotations?.['networking.istio.io/exportTo']
        ?.split(',')
        .map((entry) => entry.trim());
      const host = `${service.metadata.name}.${namespace}.svc.cluster.local`;
      const ports = (service.spec?.ports ?? []).map((port) => port.port);
      const visibleIn = visibility(exportTo, namespace);
      const known = { host, namespace, object: service, visibleIn, ports, selector: service.spec?.selector };
      this.index.add(host, known);
      for (const label in known.selector) {
        const key = `${namespace}/${label}=${known.selector[label]}`;
        const beside = this.byFirstLabel.get(key);
        if (beside) beside.push(known);
        else this.byFirstLabel.set(key, [known]);
        break;
      }
    }
    for (const object of entries) {
      const namespace = namespaceOf(object);
      const visibleIn = visibility(object.spec.exportTo, namespace);
      const ports = (object.spec.ports ?? []).map((port) => port.number);
      const selector = object.spec.workloadSelector?.labels;
      for (const host of object.spec.hosts) {
        this.index.add(fullName(host, namespace), { host, namespace, object, visibleIn, ports, selector });
      }
    }
  }

  /**
   * What `host`, written in an object of `namespace`, means.
   * @param exportTo of that object: where it holds, and so from where the host has to be seen.
   */
  lookup(host: string, namespace: string, exportTo?: readonly string[]): KnownHost | undefined {
    const from = exportTo?.length ? visibility(exportTo, namespace) : new Set([namespace]);
    return this.index
      .nearest(fullName(host, namespace))
      .find((known) => known.visibleIn.has('*') || [...from].some((name) => known.visibleIn.has(name)));
  }

  /** All services whose names `host` has in common with them, as far as `namespace` sees them. */
  overlapping(host: string, namespace: string): KnownHost[] {
    return this.index.overlapping(fullName(host, namespace)).filter((known) => isVisible(known.visibleIn, namespace));
  }

  /** The services of a host that overlaps with `host`; for a name itself, or else the narrowest wildcard around it. */
  registered(host: string, namespace: string): readonly KnownHost[] {
    const name = fullName(host, namespace).toLowerCase();
    return name.startsWith('*') ? this.index.overlapping(name) : this.index.nearest(name);
  }

  /** The names of the Kubernetes Services that workloads of `namespace` with these labels stand behind. */
  servicesOf(namespace: string, labels: Labels): string[] {
    const found: string[] = [];
    for (const label in labels) {
      for (const { host, selector } of this.byFirstLabel.get(`${namespace}/${label}=${labels[label]}`) ?? []) {
        if (carries(labels, selector)) found.push(host);
      }
    }
    return found;
  }

  /** The names of the hosts that `namespace` sees. */
  visibleIn(namespace: string): string[] {
    return [...this.index.hosts()].filter((host) =>
      this.index.same(host).some((known) => isVisible(known.visibleIn, namespace)),
    );
  }
}
