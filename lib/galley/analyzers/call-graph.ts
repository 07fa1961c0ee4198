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
  const services = analysis.of<Service>('/Service').map((service) => ({
    host: fullName(service.metadata.name, namespaceOf(service)),
    namespace: namespaceOf(service),
    selector: service.spec?.selector,
  }));
  const behind = (namespace: string, labels: Labels | undefined) =>
    services
      .filter((service) => service.namespace === namespace && meet(analysis, namespace, service.selector, labels))
      .map(({ host }) => host);
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

type Behind = (namespace: string, labels: Labels | undefined) => string[];

/** Whether a service and a selection of workloads have a workload in common, or would have one. */
function meet(
  analysis: Analysis,
  namespace: string,
  selector: Labels | undefined,
  labels: Labels | undefined,
): boolean {
  if (!selector || Object.keys(selector).length === 0) return false;
  const wanted = Object.entries(labels ?? {});
  if (wanted.some(([key, value]) => selector[key] !== undefined && selector[key] !== value)) return false;
  if (wanted.every(([key]) => selector[key] !== undefined)) return true;
  return analysis.workloads.matching({ ...selector, ...labels }, namespace).length > 0;
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
  const byAccount = new Map<string, KnownWorkload[]>();
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
    if (byAccount.size === 0) fileByAccount(analysis, byAccount);
    const called = behind(own, policy.spec?.selector?.matchLabels);
    return [...new Set(accounts)].flatMap((account) =>
      (byAccount.get(account) ?? []).flatMap(({ namespace, labels }) =>
        analysis.registry
          .servicesOf(namespace, labels)
          .flatMap((from) => called.filter((host) => host !== from).map((host) => ({ from, host }))),
      ),
    );
  });
}

function fileByAccount(analysis: Analysis, byAccount: Map<string, KnownWorkload[]>): void {
  for (const workload of analysis.workloads.all) {
    const key = `${workload.namespace}/${workload.spec.serviceAccountName ?? 'default'}`;
    const list = byAccount.get(key);
    if (list) list.push(workload);
    else byAccount.set(key, [workload]);
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
