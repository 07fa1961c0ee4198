/** Amazon EKS: what its load balancer controller, its identity webhook and its network plugin read. */
import { ApiObject } from 'cdk8s';
import type { ServiceAccount } from 'cdk8s-plus-27';
import type { Service as KubeService, WorkloadController } from '../../lib/api/kubernetes';
import { ProxyPort } from '../../lib/injector';
import type { Gateway } from '../gateway';
import { withPodSpec } from '../hardening';
import type { MeshService } from '../mesh-service';
import { problemAt } from '../problem';
import { onRendered } from '../rendered';
import type { GatewayParts, PlatformInMesh, PlatformPlace } from './in-mesh';

/** How the mesh is run on EKS. Accounts are named `NAMESPACE/SERVICEACCOUNT`. */
export interface EksOptions {
  /** Whether gateways' load balancers have addresses of the internet, or of the VPC alone. Default: `internet-facing`. */
  readonly scheme?: 'internet-facing' | 'internal';
  /** Whether they send to Pods, or to ports of nodes. Fargate has Pods alone. Default: `ip`. */
  readonly targetType?: 'ip' | 'instance';
  /**
   * Which controller makes them. Default: `service.k8s.aws/nlb`, the AWS Load Balancer Controller; EKS Auto Mode is
   * `eks.amazonaws.com/nlb`.
   */
  readonly loadBalancerClass?: string;
  /** AWS roles of services' and gateways' ServiceAccounts (IRSA): ARNs by account. Default: none. */
  readonly roleArns?: Readonly<Record<string, string>>;
  /** Security groups of Pods of services and gateways: up to five ids by account. Default: those of their nodes. */
  readonly securityGroups?: Readonly<Record<string, readonly string[]>>;
  /** Whether Pods run on Fargate: everywhere, or in these namespaces. Default: nowhere. */
  readonly fargate?: boolean | readonly string[];
}

export function eks(options: EksOptions): (place: PlatformPlace) => PlatformInMesh {
  for (const [account, arn] of Object.entries(options.roleArns ?? {})) checkRole(account, arn);
  for (const [account, groups] of Object.entries(options.securityGroups ?? {})) checkGroups(account, groups);
  const { fargate = false } = options;
  const isFargate = (namespace?: string) =>
    typeof fargate === 'boolean' ? fargate : namespace !== undefined && fargate.includes(namespace);
  return () => ({
    whyNotRedirected: (namespace) =>
      isFargate(namespace)
        ? `${namespace === undefined ? 'a mesh' : `Namespace ${namespace}`} on EKS Fargate, which gives no Pod these capabilities`
        : undefined,
    service: (service, account) => ofAccount(service, service.podLabels, account, options),
    gateway: (gateway, parts) => {
      if (options.targetType === 'instance' && isFargate(gateway.namespace)) throw noNodes(gateway);
      ofAccount(gateway, { 'malha.dev/gateway': `${gateway.namespace}.${gateway.name}` }, parts.account, options);
      spreadOverZones(parts);
      balanced(parts, options);
    },
  });
}

/** The role is the ServiceAccount's, the security groups are those of the Pods that run under it. */
function ofAccount(
  member: MeshService<string> | Gateway,
  podLabels: Readonly<Record<string, string>>,
  account: ServiceAccount,
  { roleArns = {}, securityGroups = {} }: EksOptions,
): void {
  const key = `${member.namespace}/${member.serviceAccountName}`;
  const arn = roleArns[key];
  if (arn !== undefined) account.metadata.addAnnotation('eks.amazonaws.com/role-arn', arn);
  const groupIds = securityGroups[key];
  if (groupIds === undefined) return;
  new ApiObject(member, 'SecurityGroupPolicy', {
    apiVersion: 'vpcresources.k8s.aws/v1beta1',
    kind: 'SecurityGroupPolicy',
    metadata: { name: member.name, namespace: member.namespace },
    spec: { podSelector: { matchLabels: { ...podLabels } }, securityGroups: { groupIds: [...groupIds] } },
  });
}

/** A zone that fails takes no more than its share; a Pod that has no other place still starts. */
function spreadOverZones({ deployment }: GatewayParts): void {
  onRendered<WorkloadController>(ApiObject.of(deployment), (rendered) =>
    withPodSpec(rendered, (pod) => ({
      ...pod,
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'topology.kubernetes.io/zone',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: rendered.spec!.selector,
        },
      ],
    })),
  );
}

const ANNOTATION = 'service.beta.kubernetes.io/aws-load-balancer';

/** https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/ */
function balanced(
  { service }: GatewayParts,
  { scheme = 'internet-facing', targetType = 'ip', loadBalancerClass = 'service.k8s.aws/nlb' }: EksOptions,
): void {
  onRendered<KubeService>(ApiObject.of(service), (rendered) => {
    if (rendered.spec?.type !== 'LoadBalancer') return rendered;
    const annotations = {
      [`${ANNOTATION}-scheme`]: scheme,
      [`${ANNOTATION}-nlb-target-type`]: targetType,
      // Pods are asked whether their Envoy is ready; nodes have no port for that.
      ...(targetType === 'ip' && {
        [`${ANNOTATION}-healthcheck-protocol`]: 'http',
        [`${ANNOTATION}-healthcheck-port`]: String(ProxyPort.readiness),
        [`${ANNOTATION}-healthcheck-path`]: '/healthz/ready',
      }),
    };
    return {
      ...rendered,
      metadata: { ...rendered.metadata, annotations: { ...annotations, ...rendered.metadata.annotations } },
      // Said here and not by an annotation, the provider's older controller keeps off.
      spec: { ...rendered.spec, loadBalancerClass },
    };
  });
}

function noNodes(gateway: Gateway): Error {
  return problemAt(gateway, {
    code: 'MAL0155',
    what: 'a load balancer cannot send to ports of nodes where Pods run on EKS Fargate',
    got: `targetType: 'instance', in namespace ${gateway.namespace}`,
    allowed: "targetType: 'ip'",
    fix: 'leave targetType of Platform.eks out',
  });
}

function checkAccount(account: string): void {
  if (/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(account)) return;
  throw problemAt('Platform.eks', {
    code: 'MAL0155',
    what: 'a ServiceAccount is named with its namespace',
    got: `'${account}'`,
    allowed: 'NAMESPACE/SERVICEACCOUNT',
    fix: "write 'shop/cart'",
  });
}

function checkRole(account: string, arn: string): void {
  checkAccount(account);
  if (/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(arn)) return;
  throw problemAt('Platform.eks', {
    code: 'MAL0155',
    what: `the role of ${account} is none`,
    got: `'${arn}'`,
    allowed: 'the ARN of a role of IAM: arn:aws:iam::ACCOUNT:role/NAME',
    fix: 'copy what `aws iam get-role` shows as Arn',
  });
}

function checkGroups(account: string, groups: readonly string[]): void {
  checkAccount(account);
  const isRight = groups.length >= 1 && groups.length <= 5 && groups.every((id) => /^sg-[0-9a-f]{8,17}$/.test(id));
  if (isRight) return;
  throw problemAt('Platform.eks', {
    code: 'MAL0155',
    what: `the Pods of ${account} cannot have these security groups`,
    got: groups.length === 0 ? 'none' : groups.join(', '),
    allowed: 'one to five ids: sg-0123456789abcdef0',
    fix: 'copy what `aws ec2 describe-security-groups` shows as GroupId',
  });
}
