/** What a program writes for a platform, judged to the last field: its own kinds by the fields that their documentation has. */
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
import { Program } from '../constructs/program';
import { kubernetesDefinitions, StrictSchemas } from './strict-schemas';

type Fields = Record<string, object>;
const text = { type: 'string' };
const flag = { type: 'boolean' };
const texts = { type: 'array', items: text };
const object = (properties: Fields, required: string[] = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
});
const choice = (...values: string[]) => ({ type: 'string', enum: values });

function definition(group: string, version: string, kind: string, openAPIV3Schema: object): KubeObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.toLowerCase()}s.${group}` },
    spec: { group, names: { kind }, versions: [{ name: version, served: true, schema: { openAPIV3Schema } }] },
  };
}

/** https://docs.redhat.com/en/documentation/openshift_container_platform/latest/html/security_apis/ */
const constraints = object({
  allowHostDirVolumePlugin: flag,
  allowHostIPC: flag,
  allowHostNetwork: flag,
  allowHostPID: flag,
  allowHostPorts: flag,
  allowPrivilegeEscalation: flag,
  allowPrivilegedContainer: flag,
  allowedCapabilities: texts,
  defaultAddCapabilities: texts,
  requiredDropCapabilities: texts,
  priority: { type: 'integer' },
  readOnlyRootFilesystem: flag,
  runAsUser: object({ type: choice('MustRunAs', 'MustRunAsRange', 'MustRunAsNonRoot', 'RunAsAny') }),
  seLinuxContext: object({ type: choice('MustRunAs', 'RunAsAny') }),
  fsGroup: object({ type: choice('MustRunAs', 'MayRunAs', 'RunAsAny') }),
  supplementalGroups: object({ type: choice('MustRunAs', 'MayRunAs', 'RunAsAny') }),
  seccompProfiles: texts,
  users: texts,
  groups: texts,
  volumes: texts,
});

/** https://docs.redhat.com/en/documentation/openshift_container_platform/latest/html/network_apis/route-route-openshift-io-v1 */
const route = object({
  spec: object(
    {
      host: { ...text, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$', maxLength: 253 },
      wildcardPolicy: choice('None', 'Subdomain'),
      to: object({ kind: choice('Service'), name: text, weight: { type: 'integer', minimum: 0, maximum: 256 } }),
      port: object({ targetPort: { 'x-kubernetes-int-or-string': true } }),
      tls: object({
        termination: choice('edge', 'reencrypt', 'passthrough'),
        // Allow is not for passthrough.
        insecureEdgeTerminationPolicy: choice('None', 'Redirect'),
      }),
    },
    ['to'],
  ),
});

/** https://docs.aws.amazon.com/eks/latest/userguide/sg-pods-example-deployment.html */
const securityGroupPolicy = object({
  spec: object({
    podSelector: object({ matchLabels: { type: 'object', additionalProperties: text } }),
    securityGroups: object({ groupIds: { ...texts, minItems: 1, maxItems: 5 } }),
  }),
});

const groups: EksOptions = {
  roleArns: { 'shop/cart': 'arn:aws:iam::123456789012:role/cart' },
  securityGroups: { 'shop/cart': ['sg-0123456789abcdef0'], 'shop/edge': ['sg-0fedcba9876543210'] },
};

function objectsOn(platform: Platform, capture?: Capture): KubeObject[] {
  const program = new Program({ platform, capture, monitoring: Monitoring.bundled() });
  const { mesh, shop } = program;
  const cart = new MeshService(shop, 'cart', { mesh, port: Port.http(80, { targetPort: 9080 }), image: 'cart:1' });
  const hosts = ['shop.example.com', '*.shop.example.com'];
  new Gateway(shop, 'edge', { mesh, hosts, tls: GatewayTls.fromSecret('shop-tls') }).expose(cart);
  return program.objects;
}

describe('every object that is written', () => {
  const schemas = new StrictSchemas(kubernetesDefinitions());
  schemas.addCustomResource(definition('security.openshift.io', 'v1', 'SecurityContextConstraints', constraints));
  schemas.addCustomResource(definition('route.openshift.io', 'v1', 'Route', route));
  schemas.addCustomResource(definition('vpcresources.k8s.aws', 'v1beta1', 'SecurityGroupPolicy', securityGroupPolicy));

  test.each<[string, Platform, Capture | undefined, string[]]>([
    ['OpenShift', Platform.openshift(), undefined, ['SecurityContextConstraints']],
    [
      'OpenShift with Routes and ranges of users',
      Platform.openshift({ gateways: 'route', uidRanges: { shop: '1000700000/10000' } }),
      undefined,
      ['Route', 'SecurityContextConstraints'],
    ],
    ['EKS', Platform.eks(groups), undefined, ['SecurityGroupPolicy']],
    ['Fargate', Platform.eks({ fargate: true }), Capture.explicit(), []],
  ])('for %s has the fields that its kind has, and no other', (_, platform, capture, kinds) => {
    const objects = objectsOn(platform, capture);
    for (const each of objects.filter(({ kind }) => kind === 'CustomResourceDefinition'))
      schemas.addCustomResource(each);
    const problems = objects.flatMap((each) =>
      schemas.problemsOf(each).map((problem) => `${each.kind} ${each.metadata.name}: ${problem}`),
    );
    expect(problems).toEqual([]);
    expect(objects.map(({ kind }) => kind)).toEqual(expect.arrayContaining(kinds));
  });
});
