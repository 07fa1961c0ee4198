/**
 * The catalogue of problems in programs: what constructs refuse where it is written, or report at synthesis. Each text
 * is for the reference page; the construct itself says what it got and how to fix it there.
 */

export interface ProgramProblem {
  title: string;
  text: string;
}

export const programCatalogue = {
  MAL0101: { title: 'RouteTarget', text: 'A route has neither one target nor a split, or both.' },
  MAL0102: { title: 'WeightRange', text: 'A weight of a split is not a percentage.' },
  MAL0103: { title: 'WeightSum', text: 'The weights of a split do not add up to 100.' },
  MAL0104: { title: 'RetryAttempts', text: 'The number of retries of a route is not a whole number of tries.' },
  MAL0105: {
    title: 'UnreachableRoute',
    text: 'A route, or what a gateway exposes, stands behind one that already takes all of its requests.',
  },
  MAL0106: { title: 'IdleGateway', text: 'A gateway exposes nothing, and would answer every request with 404.' },
  MAL0107: { title: 'ObjectTwice', text: 'Two constructs write the same object; one would overwrite the other.' },
  MAL0110: { title: 'ServiceName', text: 'The name of a service cannot be a host name.' },
  MAL0111: { title: 'RoutesNeedRequests', text: 'Routes or paths are declared for a service that has no HTTP port.' },
  MAL0112: { title: 'WorkloadUnfit', text: 'A workload cannot stand behind the service that it was given to.' },
  MAL0113: { title: 'UnknownVersion', text: 'A version is asked for that the service does not have.' },
  MAL0114: { title: 'NoNamespace', text: 'A service or gateway is declared where no namespace is known.' },
  MAL0115: { title: 'Ports', text: 'A service has no port, one port twice, or one that belongs to sidecars.' },
  MAL0116: { title: 'NothingBehind', text: 'A service has neither an image nor versions, or both.' },
  MAL0117: { title: 'HostTwice', text: 'Two services or gateways claim the same host.' },
  MAL0118: { title: 'Replicas', text: 'The control plane has a number of replicas that cannot be.' },
  MAL0119: { title: 'GatewayHosts', text: 'A gateway has no host, a host that is none, or one twice.' },
  MAL0120: {
    title: 'NoSuchCaller',
    text: 'A simulated request starts at a workload that the program does not declare.',
  },
  MAL0121: { title: 'Objective', text: 'An objective of a service cannot be kept, or not be measured.' },
  MAL0122: { title: 'NoSuchRequest', text: 'A policy names requests by a method or path that no request has.' },
  MAL0123: { title: 'AnotherMesh', text: 'A service is called, routed to or exposed by what belongs to another mesh.' },
  MAL0124: { title: 'MeshTwice', text: 'Two meshes of one program have the same system namespace.' },
  MAL0125: {
    title: 'PlainValue',
    text: 'A property is missing, or has a plain value where a Duration, a Percent, a Port or a list is taken.',
  },
  MAL0130: { title: 'ExternalHosts', text: 'An external service has no host name.' },
  MAL0131: {
    title: 'WildcardWithoutTls',
    text: 'An external service is named by a wildcard, on a port where nothing says which host is meant.',
  },
  MAL0132: { title: 'NothingToEncrypt', text: 'Sidecars are to add TLS where no port carries plain requests.' },
  MAL0133: { title: 'FaultTwice', text: 'A route has two delays or two aborts.' },
  MAL0140: {
    title: 'KeysOfIssuer',
    text: 'A service asks for tokens, and where the keys of their issuer are is not said once.',
  },
  MAL0150: { title: 'SystemNamespaceMtls', text: 'What the system namespace takes is said apart from the mesh.' },
  MAL0151: { title: 'CertificateLifetime', text: 'A certificate would live for less than an hour or more than a day.' },
  MAL0152: { title: 'TrustDomain', text: 'The trust domain cannot be part of a SPIFFE id.' },
  MAL0153: { title: 'StandbyZones', text: 'Configuration would stand by in a number of zones that cannot be.' },
  MAL0154: {
    title: 'CaptureForbidden',
    text: 'Transparent capture is asked for where Pods may not have the capabilities that it needs.',
  },
  MAL0155: { title: 'PlatformOption', text: 'Something is asked of a platform that it does not have.' },
  MAL0160: { title: 'Burst', text: 'A limit has a burst that is none, or that nobody counts.' },
  MAL0161: { title: 'LimitMatch', text: 'A limit looks at what it does not know, or at one of several things.' },
  MAL0170: { title: 'NothingToDecideBy', text: 'An authorizer of plugins has no plugin, or one without checks.' },
  MAL0171: {
    title: 'PluginBeyondItsCapability',
    text: 'A construct of a plugin writes what the plugin has not declared, or where it has no place.',
  },
  MAL0172: {
    title: 'PluginNotInImage',
    text: 'A plugin has to run in the control plane, whose image is that of Malha alone.',
  },
  MAL0173: { title: 'PluginTwice', text: 'A mesh uses one plugin twice.' },
  MAL0174: { title: 'ProcessorPort', text: 'An external processor is to be asked on a port that does not speak gRPC.' },
  MAL0175: { title: 'ImageName', text: 'A WebAssembly module comes of an image whose name is none.' },
  MAL0176: { title: 'SigningKey', text: 'Images are to be signed by a key that is no public key for signatures.' },
  MAL0180: { title: 'NoWordForIt', text: 'Routes that are written in the Gateway API say what that API cannot say.' },
  MAL0181: {
    title: 'OrderOfRoutes',
    text: 'Routes that are written in the Gateway API stand in another order than they would be tried in.',
  },
  MAL0190: { title: 'RevisionName', text: 'A revision or tag of a control plane has a name that it cannot have.' },
  MAL0191: { title: 'RevisionTwice', text: 'Two control planes of a mesh have one revision or tag.' },
  MAL0192: { title: 'UnknownRevision', text: 'A namespace asks for a revision or tag that the program does not have.' },
} as const satisfies Record<string, ProgramProblem>;

export type ProgramCode = keyof typeof programCatalogue;
