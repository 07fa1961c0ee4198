/**
 * Random objects of the traffic API, made from its schemas: every field that is served turns up, with values over few
 * names, so that objects meet. What the rules of Galley do not allow is taken out again, so what is left is valid.
 */
import { DestinationRule, Gateway, ServiceEntry, Sidecar, VirtualService } from '../../lib/api';
import type { KubeObject } from '../../lib/api/object';
import type { Keywords, TSchema } from '../../lib/api/schema';
import { validate } from '../../lib/galley';

type Random = () => number;
type Schema = TSchema &
  Keywords & {
    type?: string;
    enum?: readonly string[];
    properties?: Record<string, Schema>;
    required?: readonly string[];
    items?: Schema;
    minItems?: number;
    additionalProperties?: Schema | boolean;
    minimum?: number;
    maximum?: number;
  };

/** The traffic API. */
const networkingKinds: Record<string, TSchema> = Object.fromEntries(
  [VirtualService, DestinationRule, Gateway, ServiceEntry, Sidecar].map(({ kind, schema }) => [kind, schema]),
);

export const namespaces = ['shop', 'other', 'istio-system'] as const;
const names = ['x', 'y', 'z'] as const;
/** How likely a field is that may be left out. */
const LIKELY = 0.4;
/** One of several of which at most one may be set. */
const MORE_LIKELY = 0.7;
const ALMOST_SURE = 0.9;
/** Without these most objects would be nothing. */
const FRAMES =
  /(VirtualService\.spec\.(hosts|http)|Gateway\.spec\.(servers|selector)|ServiceEntry\.spec\.ports|Sidecar\.spec\.(egress|ingress)|egressProxy|DestinationRule\.spec\.(trafficPolicy|subsets)|\.number|http\[\]\.match|http\[\]\.route|servers\[\]\.tls|tls\.mode|endpoints\[\]\.address|resolution|http\[\]\.fault|fault\.delay|localityLbSetting|distribute\[\]\.(from|to)|localityLbSetting\.(distribute|failover)|failover\[\]\.(from|to))$/;
/** What a message that stands in several places has no use for here: Galley refuses it, whatever it says. */
const NOT_HERE =
  /Sidecar\.spec\.ingress\[\]\.tls\.(httpsRedirect|subjectAltNames|credentialName|credentialNames|tlsCertificates)$/;
/** How often the rules may object before an object is given up. */
const REPAIRS = 40;

function pick<T>(values: readonly T[], random: Random): T {
  return values[Math.floor(random() * values.length)]!;
}

/** Values by the end of the path, the first that fits; `[]` stands for any element. */
const TEXTS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/Gateway\.spec\.selector\.\*$/, ['ingressgateway']],
  [/(labels|sourceLabels|selector)\.\*$/, ['x', 'v1', 'reviews']],
  [
    /^VirtualService\.spec\.hosts\[\]$/,
    ['x', 'y.other.svc.cluster.local', '*.shop.svc.cluster.local', 'api.example.com', '*.example.com'],
  ],
  [
    /^Gateway\.spec\.servers\[\]\.hosts\[\]$/,
    ['*', '*.example.com', 'api.example.com', 'shop/b.example.com', './c.example.com', '*/d.example.com'],
  ],
  [/^ServiceEntry\.spec\.hosts\[\]$/, ['api.example.com', '*.wild.example.com', 'db.example.com']],
  [/^Sidecar\.spec\.egress\[\]\.hosts\[\]$/, ['./*', '*/*', 'shop/*', 'other/*', '*/api.example.com']],
  [/sniHosts\[\]$/, ['api.example.com', 'a.example.com']],
  [/egressProxy\.host$/, ['x', 'y', 'api.example.com']],
  [/\.sni$/, ['api.example.com']],
  [/subjectAltNames\[\]$/, ['api.example.com', 'spiffe://cluster.local/ns/shop/sa/x']],
  [/destinationSubnets\[\]$/, ['198.19.0.0/16', '198.19.7.7']],
  [/ServiceEntry\.spec\.addresses\[\]$/, ['198.19.200.1', '198.19.201.0/24']],
  [
    /ServiceEntry\.spec\.endpoints\[\]\.address$|WorkloadEntry\.spec\.address$/,
    ['198.18.0.9', '198.18.0.10', 'db.example.com'],
  ],
  [/(egress|ingress)\[\]\.bind$/, ['127.0.0.1', '0.0.0.0']],
  [/\.bind$/, ['127.0.0.1', '0.0.0.0']],
  [/defaultEndpoint$/, ['127.0.0.1:8080', 'unix:///tmp/malha.sock']],
  [/gateways\[\]$/, ['mesh', 'edge', 'shop/edge', './edge']],
  [/exportTo\[\]$/, ['.', '*', 'other']],
  [/[sS]ourceNamespace$|delegate\.namespace$/, ['shop', 'other']],
  [/delegate\.name$|credentialName$|credentialNames\[\]$|caCertCredentialName$/, ['x', 'y']],
  [/uri\.(exact|prefix)$/, ['/', '/p', '/p/q']],
  [/\.regex$/, ['a.*', '/[0-9]+', '(b|c)d?']],
  [/uriRegexRewrite\.match$/, ['^/a/(.*)$']],
  [/uriRegexRewrite\.rewrite$/, ['/b/\\1']],
  [/method\.exact$/, ['GET', 'POST']],
  [/scheme(\.exact)?$/, ['http', 'https']],
  [/(uri|prefixRewrite|path)$/, ['/n', '/']],
  [/authority(\.exact|\.prefix)?$/, ['api.example.com', 'b.example.com']],
  [/allowMethods\[\]$/, ['GET', 'PUT']],
  [/allowOrigins\[\]\.(exact|prefix)$|allowOrigin\[\]$/, ['https://a.example.com', '*']],
  [/(allowHeaders|exposeHeaders|remove)\[\]$/, ['x-a', 'x-b']],
  [/retryOn$/, ['5xx', '503,connect-failure', 'gateway-error,reset']],
  [/grpcStatus$/, ['UNAVAILABLE', 'ABORTED', 'NOT_FOUND']],
  [/directResponse\.body\.bytes$/, ['aGVsbG8=']],
  [/cipherSuites\[\]$/, ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384']],
  [/ecdhCurves\[\]$/, ['P-256', 'X25519']],
  [/verifyCertificateSpki\[\]$/, ['47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=']],
  [/verifyCertificateHash\[\]$/, ['e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855']],
  [/ServiceEntry\.spec\.ports\[\]\.protocol$/, ['HTTP', 'HTTPS', 'TCP', 'TLS', 'GRPC', 'HTTP2']],
  [/Gateway\.spec\.servers\[\]\.port\.protocol$/, ['HTTP', 'HTTPS', 'TLS', 'TCP', 'HTTP2', 'GRPC']],
  [/port\.protocol$/, ['HTTP', 'TCP', 'GRPC', 'HTTPS']],
  [/ports?(\[\])?\.name$/, ['http', 'tcp', 'other']],
  [/subset$|subsets\[\]\.name$/, ['v1', 'v2']],
  [
    /destination\.host$|DestinationRule\.spec\.host$|mirror\.host$/,
    ['x', 'y', 'z.other.svc.cluster.local', 'api.example.com', '*.example.com'],
  ],
  [/httpHeaderName$|httpCookie\.name$|httpQueryParameterName$/, ['x-user', 'session']],
  [/(locality|from)$/, ['region1/zone1/*', 'region1']],
  [/caCertificates$|clientCertificate$|privateKey$|serverCertificate$|caCrl$/, ['']],
];

const KEYS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/Gateway\.spec\.selector$/, ['istio']],
  [/(labels|sourceLabels|selector|matchLabels|workloadSelector\.labels)$/, ['app', 'version']],
  [/endpoints\[\]\.ports$/, ['http', 'tcp']],
  [/distribute\[\]\.to$/, ['region1/zone1/*', 'region2/*']],
  [/queryParams$/, ['v', 'debug']],
  [/./, ['x-a', 'x-b', 'end-user']],
];

const NUMBERS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/weight$/, [0, 1, 30, 70, 100]],
  // Of one destination or of two: together 100.
  [/distribute\[\]\.to\.\*$/, [50, 100]],
  [/(percentage\.value|[pP]ercent|mirror_percent)$/, [0, 50, 100]],
  [/httpStatus$/, [400, 503, 555]],
  [/redirectCode$/, [301, 302, 307]],
  [/directResponse\.status$/, [200, 418, 503]],
  // The Pod's application has its own ports.
  [/Sidecar\.spec\.(egress|ingress)\[\]\.port\.number$/, [7001, 7002, 9999]],
  [/(port|number|targetPort|ports\.\*)$/, [80, 443, 8080, 9000]],
  [/tableSize$/, [5, 101]],
  [/minimumRingSize$/, [64, 1024]],
  [/attempts$/, [0, 1, 3]],
  [/aggression$/, [1, 2]],
  [/./, [1, 2, 10, 50]],
];

function valueFor<T>(table: readonly (readonly [RegExp, readonly T[]])[], path: string, random: Random): T | undefined {
  const values = table.find(([pattern]) => pattern.test(path))?.[1];
  return values && pick(values, random);
}

function make(schema: Schema, path: string, random: Random): unknown {
  if (schema.enum)
    return pick(
      schema.enum.filter((value) => !schema.unservedValues?.includes(value)),
      random,
    );
  if (schema.properties) return makeMessage(schema, path, random);
  if (typeof schema.additionalProperties === 'object') {
    const keys = KEYS.find(([pattern]) => pattern.test(path))![1];
    const values = schema.additionalProperties;
    return Object.fromEntries(
      [pick(keys, random), pick(keys, random)].map((key) => [key, make(values, `${path}.*`, random)]),
    );
  }
  switch (schema.type) {
    case 'array': {
      const count = Math.max(schema.minItems ?? 1, 1 + Math.floor(random() * 2));
      return Array.from({ length: count }, () => make(schema.items!, `${path}[]`, random));
    }
    case 'boolean':
      return random() < 0.5;
    case 'integer':
    case 'number': {
      const value = valueFor(NUMBERS, path, random)!;
      return Math.min(schema.maximum ?? value, Math.max(schema.minimum ?? value, value));
    }
    default:
      if (schema.duration !== undefined) return pick(['1s', '250ms', '2m'], random);
      return valueFor(TEXTS, path, random) ?? pick(names, random);
  }
}

function makeMessage(schema: Schema, path: string, random: Random): Record<string, unknown> {
  const left = new Set(
    Object.keys(schema.properties!).filter(
      (name) => schema.properties![name]!.served !== false && !NOT_HERE.test(`${path}.${name}`),
    ),
  );
  const chosen = new Set<string>();
  for (const group of [...(schema.exclusive ?? []), ...alternativesAt(path)]) {
    const one = pick(group, random);
    chosen.add(one);
    for (const name of group) if (name !== one) left.delete(name);
  }
  const likelihood = (name: string) =>
    chosen.has(name) ? MORE_LIKELY : FRAMES.test(`${path}.${name}`) ? ALMOST_SURE : LIKELY;
  const fields = [...left].filter((name) => schema.required?.includes(name) || random() < likelihood(name));
  const made = fields.map((name) => [name, make(schema.properties![name]!, `${path}.${name}`, random)] as const);
  return Object.fromEntries(made.filter(([, value]) => value !== ''));
}

/** Beside what the schemas say: fields of which only one makes sense, the first more often than the others. */
function alternativesAt(path: string): readonly (readonly string[])[] {
  if (path.endsWith('VirtualService.spec.http[]')) {
    return [
      ['route', 'route', 'redirect', 'directResponse', 'delegate'],
      ['mirror', 'mirrors'],
    ];
  }
  return [];
}

/** The kinds by name; every field of theirs that is served has to turn up. */
export const kinds = Object.keys(networkingKinds);

/** One valid object, or undefined where nothing valid is left of what chance has made. */
export function anyObject(kind: string, random: Random): KubeObject | undefined {
  const schema = networkingKinds[kind]! as Schema;
  const created = pick(['', '2020-01-01T00:00:00Z', '2024-01-01T00:00:00Z'], random);
  const object: KubeObject = {
    apiVersion: 'networking.istio.io/v1',
    kind,
    metadata: {
      name: pick(names, random),
      namespace: pick(namespaces, random),
      ...(created && { creationTimestamp: created }),
    },
    spec: makeMessage(schema, `${kind}.spec`, random),
  } as KubeObject;
  for (let repairs = 0; repairs < REPAIRS; repairs++) {
    // A copy, because verdicts are remembered by identity.
    const error = validate(structuredClone(object)).find(({ level }) => level === 'error');
    if (!error) return object;
    if (!error.path || !takeOut(object, error.path)) return undefined;
  }
  return undefined;
}

/** Takes away what stands at a path such as `spec.http[0].match`, or what it stands in where there is nothing. */
function takeOut(object: object, path: string): boolean {
  const steps = path.split(/[.[\]]+/).filter(Boolean);
  for (let depth = steps.length; depth > 1; depth--) {
    const parent = steps
      .slice(0, depth - 1)
      .reduce<unknown>((value, step) => (value as Record<string, unknown>)?.[step], object);
    const last = steps[depth - 1]!;
    if (typeof parent !== 'object' || parent === null || !(last in parent)) continue;
    if (Array.isArray(parent)) {
      if (parent.length > 1) {
        parent.splice(Number(last), 1);
        return true;
      }
      continue;
    }
    delete (parent as Record<string, unknown>)[last];
    return true;
  }
  return false;
}

/** Files of a proxy, which no test has, and what only few meshes use. */
const RARE = /(caCertificates|clientCertificate|privateKey|serverCertificate|caCrl|\.tunnel\.protocol)$/;

/** Traffic policies stand in several places, and are the same everywhere. */
function normalized(path: string): string {
  return path.replace('.subsets[].trafficPolicy', '.trafficPolicy').replace('.portLevelSettings[]', '');
}

/** The fields of the schema that are served and not rare, down to the leaves: `VirtualService.spec.http[].match[].uri.prefix`. */
export function servedFields(kind: string): string[] {
  const walk = (schema: Schema, path: string): string[] => {
    if (schema.served === false || RARE.test(path) || NOT_HERE.test(path)) return [];
    if (schema.items) return walk(schema.items, `${path}[]`);
    if (schema.properties)
      return Object.entries(schema.properties).flatMap(([name, field]) => walk(field, `${path}.${name}`));
    if (typeof schema.additionalProperties === 'object') return walk(schema.additionalProperties, `${path}.*`);
    return [normalized(path)];
  };
  return [...new Set(walk(networkingKinds[kind]! as Schema, `${kind}.spec`))];
}

/** Counts the fields of an object, by the same names. */
export function countFields(object: KubeObject, counts: Map<string, number>): void {
  const schema = networkingKinds[object.kind]! as Schema;
  const walk = (value: unknown, at: Schema, path: string): void => {
    if (Array.isArray(value)) for (const item of value) walk(item, at.items!, `${path}[]`);
    else if (typeof value === 'object' && value !== null) {
      for (const [name, field] of Object.entries(value)) {
        const child = at.properties?.[name];
        if (child) walk(field, child, `${path}.${name}`);
        else walk(field, at.additionalProperties as Schema, `${path}.*`);
      }
    } else counts.set(normalized(path), (counts.get(normalized(path)) ?? 0) + 1);
  };
  walk(object.spec, schema, `${object.kind}.spec`);
}
