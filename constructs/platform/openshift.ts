/**
 * OpenShift. A Pod is admitted by the strictest SecurityContextConstraints that its ServiceAccount may use and that it fits; with
 * `restricted-v2`, which everybody may use, it gets its user from the range of its namespace, and may name none outside of it.
 * https://docs.redhat.com/en/documentation/openshift_container_platform/latest/html/authentication_and_authorization/managing-pod-security-policies
 */
import { ApiObject, type Chart, Lazy } from 'cdk8s';
import type { WorkloadController } from '../../lib/api/kubernetes';
import type { Gateway } from '../gateway';
import { withoutUsers } from '../hardening';
import { problemAt } from '../problem';
import { onRendered } from '../rendered';
import { WORKLOAD_KINDS } from '../workload';
import type { PlatformInMesh, PlatformPlace } from './in-mesh';

/** How the mesh is run on OpenShift. */
export interface OpenShiftOptions {
  /**
   * How clients reach gateways: by a Service of type LoadBalancer, or through the cluster's router by Routes, with TLS passed
   * through to the gateway. Default: `loadBalancer`.
   */
  readonly gateways?: 'loadBalancer' | 'route';
  /**
   * The ranges of users of namespaces, as their annotation `openshift.io/sa.scc.uid-range` has them: `1000700000/10000`. Redirected
   * sidecars there run as the second user of the range, and redirection knows them by it. Default: as 1337, which the
   * SecurityContextConstraints of redirected workloads let through.
   */
  readonly uidRanges?: Readonly<Record<string, string>>;
}

export function openShift({ gateways, uidRanges = {} }: OpenShiftOptions): (place: PlatformPlace) => PlatformInMesh {
  const ids = new Map(Object.entries(uidRanges).map(([name, range]) => [name, secondOf(name, range)]));
  const isRouted = gateways === 'route';
  return (place) => {
    const capture = new CaptureConstraints(place);
    return {
      assignedUsers: true,
      ...(isRouted && { gatewayServiceType: 'ClusterIP' }),
      proxyId: (namespace) => ids.get(namespace),
      system: (chart) => {
        for (const construct of chart.node.findAll()) {
          if (ApiObject.isApiObject(construct) && WORKLOAD_KINDS.includes(construct.kind)) {
            onRendered<WorkloadController>(construct, withoutUsers);
          }
        }
      },
      service: ({ capture: { way }, namespace, serviceAccountName }) => {
        if (way === 'transparent') capture.allow(namespace, serviceAccountName);
      },
      gateway: (gateway, { deployment, isTls }) => {
        onRendered<WorkloadController>(ApiObject.of(deployment), withoutUsers);
        if (isRouted) routes(gateway, isTls);
      },
    };
  };
}

/**
 * What redirection needs and `restricted-v2` does not give: root with two capabilities, in the init container. Constraints are for
 * whole Pods, so the other containers' users are free too; capabilities, escalation, volumes and the host are as in `restricted-v2`.
 */
class CaptureConstraints {
  private readonly name: string;
  private readonly accounts = new Map<string, Set<string>>();
  private isWritten = false;

  constructor(private readonly place: PlatformPlace) {
    this.name = `malha-capture-${place.namespace}`;
  }

  /** Lets Pods of one account be redirected. */
  allow(namespace: string, account: string): void {
    const { policy } = this.place;
    if (!this.isWritten) this.write(policy);
    this.isWritten = true;
    const known = this.accounts.get(namespace);
    if (known) {
      known.add(account);
      return;
    }
    const accounts = new Set([account]);
    this.accounts.set(namespace, accounts);
    new ApiObject(policy, `capture-${namespace}`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: this.name, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: this.name },
      subjects: Lazy.any({
        produce: () => [...accounts].sort().map((name) => ({ kind: 'ServiceAccount', name, namespace })),
      }),
    });
  }

  private write(chart: Chart): void {
    new ApiObject(chart, 'capture-constraints', {
      apiVersion: 'security.openshift.io/v1',
      kind: 'SecurityContextConstraints',
      metadata: { name: this.name },
      allowHostDirVolumePlugin: false,
      allowHostIPC: false,
      allowHostNetwork: false,
      allowHostPID: false,
      allowHostPorts: false,
      allowPrivilegeEscalation: false,
      allowPrivilegedContainer: false,
      allowedCapabilities: ['NET_ADMIN', 'NET_RAW'],
      defaultAddCapabilities: [],
      requiredDropCapabilities: ['ALL'],
      // The same as where none is said: behind every stricter one.
      priority: 0,
      readOnlyRootFilesystem: false,
      runAsUser: { type: 'RunAsAny' },
      seLinuxContext: { type: 'MustRunAs' },
      fsGroup: { type: 'MustRunAs' },
      supplementalGroups: { type: 'RunAsAny' },
      seccompProfiles: ['runtime/default'],
      volumes: [
        'configMap',
        'csi',
        'downwardAPI',
        'emptyDir',
        'ephemeral',
        'persistentVolumeClaim',
        'projected',
        'secret',
      ],
      // Who may use it is said by RoleBindings, namespace by namespace.
      users: [],
      groups: [],
    });
    new ApiObject(chart, 'capture-role', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: this.name },
      rules: [
        {
          apiGroups: ['security.openshift.io'],
          resources: ['securitycontextconstraints'],
          resourceNames: [this.name],
          verbs: ['use'],
        },
      ],
    });
  }
}

/** One for each host, as a Route has one. */
function routes(gateway: Gateway, isTls: boolean): void {
  gateway.hosts.forEach((host, index) => {
    if (host === '*') {
      throw problemAt(gateway, {
        code: 'MAL0155',
        what: 'a Route of OpenShift answers for one host, or for the names below one',
        got: "'*'",
        allowed: "names such as 'shop.example.com' or '*.example.com'",
        fix: "name the hosts, or leave gateways: 'route' of Platform.openshift out",
      });
    }
    const isWildcard = host.startsWith('*.');
    new ApiObject(gateway, `Route-${index}`, {
      apiVersion: 'route.openshift.io/v1',
      kind: 'Route',
      metadata: { name: index === 0 ? gateway.name : `${gateway.name}-${index}`, namespace: gateway.namespace },
      spec: {
        // The router goes by what follows the first dot, whatever stands before it.
        host: isWildcard ? `wildcard${host.slice(1)}` : host,
        wildcardPolicy: isWildcard ? 'Subdomain' : 'None',
        to: { kind: 'Service', name: gateway.name, weight: 100 },
        port: { targetPort: isTls ? 'https' : 'http' },
        ...(isTls && { tls: { termination: 'passthrough', insecureEdgeTerminationPolicy: 'Redirect' } }),
      },
    });
  });
}

const HIGHEST_ID = 2 ** 31 - 1;

/** Not the first, which OpenShift gives to containers that name none: the application's would be taken for the proxy's. */
function secondOf(namespace: string, range: string): number {
  const [, first, size] = (/^(\d{1,10})\/(\d{1,10})$/.exec(range) ?? []).map(Number);
  if (first !== undefined && size !== undefined && first > 0 && size > 1 && first + size - 1 <= HIGHEST_ID) {
    return first + 1;
  }
  throw problemAt('Platform.openshift', {
    code: 'MAL0155',
    what: `the range of users of namespace ${namespace} cannot be read`,
    got: `'${range}'`,
    allowed: "the first user above root, a slash, and how many there are, at least 2: '1000700000/10000'",
    fix: `copy what \`oc get namespace ${namespace} -o yaml\` shows as openshift.io/sa.scc.uid-range`,
  });
}
