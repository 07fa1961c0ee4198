/**
 * Who calls whom, as far as objects say so: gateways what their routes lead to, workloads the hosts that their Sidecar
 * names, workloads what lets their identity in (AuthorizationPolicy), workloads that a route tells apart by their labels.
 * Wildcards and whole namespaces say what may be called, not what is; they make no calls here.
 */
import type { Service } from '../../api/kubernetes';
import { Sidecar } from '../../api/networking/sidecar';
import { VirtualService } from '../../api/networking/virtual-service';
import { AuthorizationPolicy } from '../../api/security/authorization-policy';
import type { Analysis } from './analysis';
import { HostIndex } from './host-index';
import type { Labels } from './label-selector';
import { fullName, namespaceOf } from './names';
import type { KnownWorkload } from './workloads';

/** Calls of one kind from one caller to one service. */
export interface Call {
  /** The host of a service, or `gateway NAMESPACE/NAME`. */
  readonly from: string;
  readonly to: string;
  /** The route that leads there; none where the host is reached as it is. */
  readonly route?: { readonly object: VirtualService; readonly index: number };
}

interface Wish {
  readonly from: string;
  /** The host that is asked for; what comes of it is up to its VirtualService. */
  readonly host: string;
}

export function callsOf(analysis: Analysis): Call[] {
  const behind = servicesBySelection(analysis);
  const wishes = [
    ...sidecarWishes(analysis, behind),
    ...permittedWishes(analysis, behind),
    ...labelledWishes(analysis, behind),
  ];
  const routes = new HostIndex<VirtualService>();
  const calls: Call[] = [];
  for (const object of analysis.of<VirtualService>(VirtualService)) {
    const { hosts = [], gateways } = object.spec;
    if (!gateways?.length || gateways.includes('mesh')) {
      for (const host of hosts) routes.add(fullName(host, namespaceOf(object)), object);
    }
    for (const gateway of (gateways ?? []).filter((name) => name !== 'mesh')) {
      calls.push(...routed(object, `gateway ${gateway.includes('/') ? gateway : `${namespaceOf(object)}/${gateway}`}`));
    }
  }
  for (const { from, host } of wishes) {
    const [ruling] = routes.nearest(host);
    const led = ruling ? routed(ruling, from) : [];
    calls.push(...(led.length > 0 ? led : [{ from, to: host }]));
  }
  return calls;
}

/** The services that workloads of a namespace with these labels stand behind. */
type Behind = (namespace: string, labels: Labels | undefined) => string[];

function servicesBySelection(analysis: Analysis): Behind {
  const services = new Map<string, Service[]>();
  const byFirstLabel = new Map<string, Service[]>();
  for (const service of analysis.of<Service>('/Service')) push(services, namespaceOf(service), service);
  const candidates = (namespace: string, labels: Labels | undefined) => {
    const all = services.get(namespace) ?? [];
    const [first] = Object.entries(labels ?? {});
    if (!first) return all;
    const [key, value] = first;
    const kept = `${namespace}|${key}`;
    if (!byFirstLabel.has(kept)) {
      byFirstLabel.set(kept, []);
      for (const service of all) push(byFirstLabel, `${kept}=${service.spec?.selector?.[key] ?? ''}`, service);
    }
    return [...(byFirstLabel.get(`${kept}=${value}`) ?? []), ...(byFirstLabel.get(`${kept}=`) ?? [])];
  };
  return (namespace, labels) =>
    candidates(namespace, labels)
      .filter(({ spec }) => meet(analysis, namespace, spec?.selector, labels))
      .map(({ metadata }) => fullName(metadata.name, namespace));
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list) list.push(item);
  else map.set(key, [item]);
}

/** Whether a service and a selection of workloads have a workload in common, or would have one. */
function meet(
  analysis: Analysis,
  namespace: string,
  selector: Labels | undefined,
  labels: Labels | undefined,
): boolean {
  if (!selector || isEmpty(selector)) return false;
  let isCovered = true;
  for (const key in labels) {
    const wanted = selector[key];
    if (wanted === undefined) isCovered = false;
    else if (wanted !== labels[key]) return false;
  }
  if (isCovered) return true;
  return analysis.workloads.matching({ ...selector, ...labels }, namespace).length > 0;
}

function isEmpty(labels: Labels): boolean {
  for (const _ in labels) return false;
  return true;
}

function routed(object: VirtualService, from: string): Call[] {
  return (object.spec.http ?? []).flatMap((rule, index) =>
    (rule.route ?? []).map(({ destination }) => ({
      from,
      to: fullName(destination.host, namespaceOf(object)),
      route: { object, index },
    })),
  );
}

function sidecarWishes(analysis: Analysis, behind: Behind): Wish[] {
  return analysis.of<Sidecar>(Sidecar).flatMap((sidecar) => {
    const namespace = namespaceOf(sidecar);
    const hosts = (sidecar.spec?.egress ?? [])
      .flatMap((listener) => listener.hosts ?? [])
      .map((text) => text.slice(text.indexOf('/') + 1))
      .filter((host) => host !== '' && !host.startsWith('*'));
    if (hosts.length === 0) return [];
    const callers = behind(namespace, sidecar.spec?.workloadSelector?.labels);
    return callers.flatMap((from) => hosts.filter((host) => host !== from).map((host) => ({ from, host })));
  });
}

function permittedWishes(analysis: Analysis, behind: Behind): Wish[] {
  const callers = new Map<string, string[]>();
  const byAccount = new Map<string, KnownWorkload[]>();
  const callersAs = (account: string) => {
    if (byAccount.size === 0) fileByAccount(analysis, byAccount);
    let hosts = callers.get(account);
    if (!hosts) {
      const workloads = byAccount.get(account) ?? [];
      hosts = [
        ...new Set(workloads.flatMap(({ namespace, labels }) => analysis.registry.servicesOf(namespace, labels))),
      ];
      callers.set(account, hosts);
    }
    return hosts;
  };
  return analysis.of<AuthorizationPolicy>(AuthorizationPolicy).flatMap((policy) => {
    if (policy.spec?.action && policy.spec.action !== 'ALLOW') return [];
    const own = namespaceOf(policy);
    const accounts = (policy.spec?.rules ?? []).flatMap((rule) =>
      (rule.from ?? []).flatMap(({ source }) => [
        ...(source?.principals ?? []).flatMap(
          (text) => /\/?ns\/([^/*]+)\/sa\/([^/*]+)$/.exec(text)?.slice(1).join('/') ?? [],
        ),
        ...(source?.serviceAccounts ?? []).map((text) => (text.includes('/') ? text : `${own}/${text}`)),
      ]),
    );
    if (accounts.length === 0) return [];
    const called = behind(own, policy.spec?.selector?.matchLabels);
    return [...new Set(accounts)].flatMap((account) =>
      callersAs(account).flatMap((from) => called.filter((host) => host !== from).map((host) => ({ from, host }))),
    );
  });
}

function fileByAccount(analysis: Analysis, byAccount: Map<string, KnownWorkload[]>): void {
  for (const workload of analysis.workloads.all) {
    push(byAccount, `${workload.namespace}/${workload.spec.serviceAccountName ?? 'default'}`, workload);
  }
}

function labelledWishes(analysis: Analysis, behind: Behind): Wish[] {
  return analysis.of<VirtualService>(VirtualService).flatMap((object) =>
    (object.spec.http ?? []).flatMap((rule) =>
      (rule.match ?? []).flatMap(({ sourceLabels, sourceNamespace }) => {
        if (!sourceLabels || Object.keys(sourceLabels).length === 0) return [];
        const callers = behind(sourceNamespace ?? namespaceOf(object), sourceLabels);
        return callers.flatMap((from) =>
          (object.spec.hosts ?? [])
            .map((host) => fullName(host, namespaceOf(object)))
            .filter((host) => host !== from && !host.startsWith('*'))
            .map((host) => ({ from, host })),
        );
      }),
    ),
  );
}
