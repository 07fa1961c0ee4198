/** AuthorizationPolicy: who may call what. https://istio.io/latest/docs/reference/config/security/authorization-policy/ */
import { securityKind } from '../kind';
import type { KubeObject } from '../object';
import { choice, list, message, type Static, text, texts } from '../schema';
import { PolicyTargetReference, PolicyTargetReferences, WorkloadSelector } from '../selector';

const serviceAccounts = (description: string) =>
  list(text('`name` or `namespace/name`.', { maxLength: 320 }), description, { maxItems: 16 });

export const Source = message(
  {
    principals: texts('Identities of callers by mutual TLS: `trust-domain/ns/namespace/sa/account`.'),
    notPrincipals: texts('As `principals`, but none may match.'),
    requestPrincipals: texts('Identities from a checked token: `issuer/subject`.'),
    notRequestPrincipals: texts('As `requestPrincipals`, but none may match.'),
    namespaces: texts('Namespaces of callers, from their certificate.'),
    notNamespaces: texts('As `namespaces`, but none may match.'),
    serviceAccounts: serviceAccounts('Service accounts of callers, from their certificate.'),
    notServiceAccounts: serviceAccounts('As `serviceAccounts`, but none may match.'),
    trustDomains: texts('Trust domains of callers, from their certificate.'),
    notTrustDomains: texts('As `trustDomains`, but none may match.'),
    ipBlocks: texts("Addresses or CIDR blocks of the connection's source."),
    notIpBlocks: texts('As `ipBlocks`, but none may match.'),
    remoteIpBlocks: texts('Addresses or CIDR blocks of the client, as X-Forwarded-For or the PROXY protocol tell it.'),
    notRemoteIpBlocks: texts('As `remoteIpBlocks`, but none may match.'),
  },
  { description: 'Who calls. All fields that are set have to match; of a list one value.' },
);
export type Source = Static<typeof Source>;

export const Operation = message(
  {
    hosts: texts('Hosts of the request, compared without regard to case.'),
    notHosts: texts('As `hosts`, but none may match.'),
    ports: texts('Port numbers at the workload.'),
    notPorts: texts('As `ports`, but none may match.'),
    methods: texts('HTTP methods. For gRPC always POST.'),
    notMethods: texts('As `methods`, but none may match.'),
    paths: texts('Paths, with `*` at one end, or templates with `{*}` and `{**}`.'),
    notPaths: texts('As `paths`, but none may match.'),
  },
  { description: 'What is called. All fields that are set have to match; of a list one value.' },
);
export type Operation = Static<typeof Operation>;

export const Condition = message(
  {
    key: text('The attribute, such as `request.headers[name]`.'),
    values: texts('Values of which one has to match.'),
    notValues: texts('Values of which none may match.'),
  },
  { description: 'A further condition.', required: ['key'] },
);
export type Condition = Static<typeof Condition>;

export const Rule = message(
  {
    from: list(
      message({ source: Source }, { description: 'A source.' }),
      'Who calls; one has to match. Left out: anybody.',
      { maxItems: 512 },
    ),
    to: list(
      message({ operation: Operation }, { description: 'An operation.' }),
      'What is called; one has to match. Left out: anything.',
    ),
    when: list(Condition, 'Further conditions; all have to match.'),
  },
  { description: 'Matches when `from`, `to` and `when` match. An empty rule matches every request.' },
);
export type Rule = Static<typeof Rule>;

export const AuthorizationPolicySpec = message(
  {
    selector: WorkloadSelector,
    targetRef: PolicyTargetReference,
    targetRefs: PolicyTargetReferences,
    rules: list(Rule, 'Matches when one of the rules matches. Without rules the policy never matches.', {
      maxItems: 512,
    }),
    action: choice(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'], 'What is done with requests that match. Default ALLOW.'),
    provider: message(
      { name: text('A provider of the mesh configuration.') },
      { description: 'Who decides, for CUSTOM.' },
    ),
  },
  { description: 'Who may call some workloads.', exclusive: [['selector', 'targetRef', 'targetRefs']] },
);
export type AuthorizationPolicySpec = Static<typeof AuthorizationPolicySpec>;
export type AuthorizationPolicy = KubeObject<AuthorizationPolicySpec>;

export const AuthorizationPolicy = securityKind({
  kind: 'AuthorizationPolicy',
  plural: 'authorizationpolicies',
  shortNames: ['ap'],
  description: 'Who may call what on some workloads.',
  schema: AuthorizationPolicySpec,
  printerColumns: [
    { name: 'Action', type: 'string', jsonPath: '.spec.action', description: 'What is done with requests that match' },
  ],
});
