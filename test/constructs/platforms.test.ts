/** What is other on OpenShift and on EKS than on Kubernetes as it comes. */
import {
  Capture,
  type EksOptions,
  Gateway,
  GatewayTls,
  MeshService,
  Monitoring,
  Platform,
  Port,
} from '../../constructs';
import type { KubeObject } from '../../lib/api/object';
import { injectObject } from '../../lib/injector';
import { yamlSnapshot } from '../yaml-snapshot';
import { Program } from './program';

expect.addSnapshotSerializer(yamlSnapshot);

function programOn(
  platform: Platform | undefined,
  props: { capture?: Capture; monitoring?: Monitoring } = {},
): Program {
  const program = new Program({ ...props, platform });
  const { mesh, shop } = program;
  const cart = new MeshService(shop, 'cart', { mesh, port: Port.http(80, { targetPort: 9080 }), image: 'cart:1' });
  new MeshService(shop, 'plain', { mesh, port: Port.http(9080), image: 'p:1', capture: Capture.explicit() });
  const hosts = ['shop.example.com', '*.shop.example.com'];
  new Gateway(shop, 'edge', { mesh, hosts, tls: GatewayTls.fromSecret('shop-tls') }).expose(cart, { paths: ['/'] });
  return program;
}

const keyOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
/** What one program has that another has not, or has otherwise. */
function changedBy(platform: Platform, props: { capture?: Capture } = {}): KubeObject[] {
  const usual = new Map(programOn(undefined, props).objects.map((object) => [keyOf(object), JSON.stringify(object)]));
  return programOn(platform, props).objects.filter((object) => usual.get(keyOf(object)) !== JSON.stringify(object));
}

interface Context {
  runAsUser?: number;
  runAsGroup?: number;
  fsGroup?: number;
  runAsNonRoot?: boolean;
}
interface PodSpec {
  securityContext?: Context;
  containers: { name: string; args?: string[]; securityContext?: Context }[];
  initContainers?: PodSpec['containers'];
}
const podOf = (object: KubeObject) => (object.spec as { template: { spec: PodSpec } }).template.spec;
const idsOf = (pod: PodSpec) =>
  [pod, ...pod.containers, ...(pod.initContainers ?? [])].flatMap(({ securityContext = {} }) =>
    [securityContext.runAsUser, securityContext.runAsGroup, securityContext.fsGroup].filter((id) => id !== undefined),
  );
const isWorkload = ({ kind }: KubeObject) => ['Deployment', 'StatefulSet', 'DaemonSet'].includes(kind);

test('Kubernetes is the platform where none is named', () => {
  expect(programOn(Platform.kubernetes()).objects).toEqual(programOn(undefined).objects);
});

describe('on OpenShift', () => {
  test('what differs is this', () => {
    const objects = changedBy(Platform.openshift({ gateways: 'route' }));
    expect(objects.map(keyOf)).toMatchSnapshot('objects');
    for (const object of objects.filter((each) => !isWorkload(each))) expect(object).toMatchSnapshot(keyOf(object));
  });

  test('the capabilities are two, for redirected workloads alone, by name', () => {
    const program = programOn(Platform.openshift());
    const constraints = program.object('SecurityContextConstraints', 'malha-capture-malha-system');
    expect(constraints).toMatchObject({
      allowedCapabilities: ['NET_ADMIN', 'NET_RAW'],
      requiredDropCapabilities: ['ALL'],
      allowPrivilegedContainer: false,
      users: [],
      groups: [],
    });
    expect(program.object('ClusterRole', 'malha-capture-malha-system').rules).toEqual([
      {
        apiGroups: ['security.openshift.io'],
        resources: ['securitycontextconstraints'],
        resourceNames: ['malha-capture-malha-system'],
        verbs: ['use'],
      },
    ]);
    const bindings = program.objects.filter(({ kind, metadata }) => {
      return kind === 'RoleBinding' && metadata.name === 'malha-capture-malha-system';
    });
    expect(bindings.map(({ metadata, subjects }) => [metadata.namespace, subjects])).toEqual([
      ['shop', [{ kind: 'ServiceAccount', name: 'cart', namespace: 'shop' }]],
    ]);
  });

  test('nobody needs the capabilities where nothing is redirected', () => {
    const { objects } = programOn(Platform.openshift(), { capture: Capture.explicit() });
    expect(objects.filter(({ kind }) => kind === 'SecurityContextConstraints')).toEqual([]);
    expect(JSON.stringify(objects)).not.toContain('malha-capture-');
  });

  test('the platform chooses every user but those that redirection needs, and none of them may be root', () => {
    const { objects } = programOn(Platform.openshift(), { monitoring: Monitoring.bundled() });
    const workloads = objects.filter(isWorkload);
    expect(workloads.map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(['malha-control-plane', 'malha-standby', 'prometheus', 'grafana', 'edge', 'cart-v1']),
    );
    const pinned = workloads.filter((object) => idsOf(podOf(object)).length > 0);
    expect(pinned.map(({ metadata }) => metadata.name)).toEqual(['cart-v1']);
    for (const { containers } of workloads.filter((object) => !pinned.includes(object)).map(podOf)) {
      for (const { securityContext } of containers) expect(securityContext?.runAsNonRoot).toBe(true);
    }
  });

  test('the user of a redirected sidecar is of its namespace’s range, and redirection knows that one', () => {
    const program = programOn(Platform.openshift({ uidRanges: { shop: '1000700000/10000' } }));
    const [init, sidecar] = podOf(program.object('Deployment', 'cart-v1')).initContainers!;
    expect(sidecar!.securityContext).toMatchObject({ runAsUser: 1000700001, runAsGroup: 1000700001 });
    expect(init!.args!.slice(0, 3)).toEqual(['init', '--proxy-id', '1000700001']);
  });

  test('the webhook injects by the same rule', () => {
    const { containers } = podOf(programOn(Platform.openshift()).object('Deployment', 'malha-control-plane'));
    expect(containers[0]!.args).toContain('--assigned-users');
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ name: 'a' }] } };
    const injected = (capture: 'explicit' | 'transparent') =>
      idsOf(injectObject(pod, { capture, assignedUsers: true }).spec as unknown as PodSpec);
    expect(injected('explicit')).toEqual([]);
    expect(injected('transparent')).toEqual([0, 0, 1337, 1337]);
  });

  test.each(['1000700000', '0/10000', '1000700000/1', '4294967295/10', '-5/3', '1000-2000'])(
    'a range of users that is none is refused: %s',
    (range) => {
      expect(() => Platform.openshift({ uidRanges: { shop: range } })).toThrow(
        `MAL0155 the range of users of namespace shop cannot be read; got: '${range}'`,
      );
    },
  );

  test('a Route needs a host', () => {
    const { mesh, shop } = new Program({ platform: Platform.openshift({ gateways: 'route' }) });
    expect(() => new Gateway(shop, 'edge', { mesh, hosts: ['*'] })).toThrow('MAL0155 a Route of OpenShift answers for');
  });
});

describe('on EKS', () => {
  const role = 'arn:aws:iam::123456789012:role/cart';
  const options: EksOptions = {
    roleArns: { 'shop/cart': role },
    securityGroups: { 'shop/cart': ['sg-0123456789abcdef0'], 'shop/edge': ['sg-0fedcba9876543210'] },
  };

  test('what differs is this', () => {
    const objects = changedBy(Platform.eks(options));
    expect(objects.map(keyOf)).toMatchSnapshot('objects');
    for (const object of objects) expect(object).toMatchSnapshot(keyOf(object));
  });

  test('load balancers may be internal, send to nodes, and be another controller’s', () => {
    const platform = Platform.eks({
      scheme: 'internal',
      targetType: 'instance',
      loadBalancerClass: 'eks.amazonaws.com/nlb',
    });
    const { metadata, spec } = programOn(platform).object('Service', 'edge');
    expect(metadata.annotations).toEqual({
      'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internal',
      'service.beta.kubernetes.io/aws-load-balancer-nlb-target-type': 'instance',
    });
    expect(spec.loadBalancerClass).toBe('eks.amazonaws.com/nlb');
  });

  test('a Service that is no load balancer is left alone', () => {
    const program = programOn(Platform.eks());
    const { mesh, shop } = program;
    const cart = shop.node.findChild('cart') as MeshService;
    new Gateway(shop, 'inner', { mesh, hosts: ['a.example.com'], serviceType: 'ClusterIP' }).expose(cart);
    const service = program.object('Service', 'inner');
    expect(service.metadata.annotations).toBeUndefined();
    expect(service.spec).not.toHaveProperty('loadBalancerClass');
  });

  test('on Fargate nothing can be redirected, and synthesis says why', () => {
    const { complaint } = programOn(Platform.eks({ fargate: ['shop'] }));
    expect(complaint).toMatch(/MAL0154 mesh\s+the Pods of cart\.shop\.svc\.cluster\.local would be refused/);
    expect(complaint).toContain('Namespace shop on EKS Fargate, which gives no Pod these capabilities');
    expect(complaint).toContain("mesh.addNamespaceCapture('shop', Capture.explicit())");
    expect(complaint).not.toContain('plain.shop');
    expect(programOn(Platform.eks({ fargate: ['other'] })).complaint).toBe('nothing');
  });

  test('where all is Fargate, neither can Pods that are injected at admission', () => {
    const platform = Platform.eks({ fargate: true });
    expect(programOn(platform).complaint).toContain('Pods that are injected at admission would be refused');
    expect(programOn(platform, { capture: Capture.explicit() }).complaint).toBe('nothing');
  });

  test('Fargate has no ports of nodes to send to', () => {
    expect(() => programOn(Platform.eks({ fargate: ['shop'], targetType: 'instance' }))).toThrow(
      'MAL0155 a load balancer cannot send to ports of nodes where Pods run on EKS Fargate',
    );
  });

  test.each<[string, EksOptions]>([
    ["the role of shop/cart is none; got: 'cart'", { roleArns: { 'shop/cart': 'cart' } }],
    ['a ServiceAccount is named with its namespace; got: ', { roleArns: { cart: role } }],
    ['cannot have these security groups; got: none', { securityGroups: { 'shop/cart': [] } }],
    ['cannot have these security groups; got: web', { securityGroups: { 'shop/cart': ['web'] } }],
    [
      'cannot have these security groups; got: sg-00000000, ',
      { securityGroups: { 'shop/cart': Array<string>(6).fill('sg-00000000') } },
    ],
  ])('what cannot be is refused: %s', (problem, wrong) => {
    expect(() => Platform.eks(wrong)).toThrow(problem);
  });
});
