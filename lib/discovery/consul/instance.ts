/** An instance of a service as Consul's health endpoint tells it: read with suspicion, judged as Consul's DNS does. */
import { BlockList, isIP } from 'node:net';

export interface Instance {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly datacenter?: string;
  /** What the metadata says about the port: `protocol` and `malha-port`. */
  readonly protocol?: string;
  readonly servicePort?: number;
}

export interface Instances {
  /** In service, by node and id. */
  readonly healthy: ReadonlyMap<string, Instance>;
  /** In maintenance: somebody took them out, so they go at once. */
  readonly withdrawn: ReadonlySet<string>;
  /** Left out because Envoy could not be given their address or port. */
  readonly unusable: number;
}

type Json = { readonly [field: string]: unknown };

const LOCAL = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
] as const) {
  LOCAL.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  LOCAL.addSubnet(network, prefix, 'ipv6');
}

/** What goes before a tag that is no `key=value`. */
const TAG_PREFIX = 'tag.consul.malha.dev/';

/** @throws Error when the answer is no list. */
export function readInstances(body: unknown): Instances {
  if (!Array.isArray(body)) throw new Error('a list of instances was expected');
  const healthy = new Map<string, Instance>();
  const withdrawn = new Set<string>();
  let unusable = 0;
  for (const entry of body) {
    const { Node: node, Service: service, Checks: checks } = record(entry);
    const [of, on] = [record(service), record(node)];
    // Proxies and gateways of Consul's own mesh are no services of anyone's.
    if (text(of.Kind) !== '') continue;
    const key = `${text(on.Node)}/${text(of.ID)}`;
    const all = Array.isArray(checks) ? checks.map(record) : [];
    const critical = all.filter(({ Status }) => !['passing', 'warning'].includes(text(Status)));
    if (critical.some(({ CheckID }) => /^(_node_maintenance$|_service_maintenance:)/.test(text(CheckID)))) {
      withdrawn.add(key);
      continue;
    }
    if (critical.length > 0) continue;
    const instance = instanceOf(
      of,
      on,
      all.some(({ Status }) => Status === 'warning'),
    );
    if (instance) healthy.set(key, instance);
    else unusable++;
  }
  return { healthy, withdrawn, unusable };
}

function instanceOf(service: Json, node: Json, isWarning: boolean): Instance | undefined {
  const address = text(service.Address) || text(node.Address);
  const port = toPort(service.Port);
  const { Passing = 1, Warning = 1 } = record(service.Weights);
  const weight = isWarning ? Warning : Passing;
  if (!isReachable(address) || port === undefined) return undefined;
  if (typeof weight !== 'number' || !Number.isInteger(weight) || weight < 1) return undefined;
  const meta = record(service.Meta);
  return {
    address,
    port,
    weight: Math.min(weight, 65_535),
    labels: labelsOf(meta, service.Tags),
    datacenter: text(node.Datacenter) || undefined,
    protocol: text(meta.protocol) || undefined,
    servicePort: toPort(Number(text(meta['malha-port']))),
  };
}

/** As Kubernetes refuses them in EndpointSlices: whoever registers in Consul may not lead proxies to their own Pod or node. */
function isReachable(address: string): boolean {
  return isIP(address) !== 0 && !LOCAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Metadata and tags that are valid as labels; metadata wins over a tag of the same key. */
function labelsOf(meta: Json, tags: unknown): Record<string, string> {
  const labels = new Map<string, string>();
  const add = (key: string, value: string) => {
    if (isLabelKey(key) && isLabelValue(value)) labels.set(key, value);
  };
  for (const tag of Array.isArray(tags) ? tags.map(text) : []) {
    const at = tag.indexOf('=');
    if (at > 0) add(tag.slice(0, at), tag.slice(at + 1));
    else add(TAG_PREFIX + tag, 'true');
  }
  for (const [key, value] of Object.entries(meta)) add(key, text(value));
  return Object.fromEntries([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
function isLabelValue(value: string): boolean {
  return /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/.test(value);
}

/** Labels of the mesh itself are not for a registry to give: who may set metadata there may not claim an identity here. */
function isLabelKey(key: string): boolean {
  const name = key.startsWith(TAG_PREFIX) ? key.slice(TAG_PREFIX.length) : key;
  return name !== '' && !name.includes('/') && isLabelValue(name);
}

function record(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function toPort(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536 ? value : undefined;
}
