/**
 * The proxy of a connection that has proven who it is. A node id is a claim: it counts only where the World knows such a
 * workload, under the account of the credential, at the address that the connection comes from. All the rest (labels, kind,
 * capture) is the World's word; node metadata is not read.
 */
import type { Pod } from '../api/kubernetes';
import { isAddressOf } from './hostname';
import { formatIdentity, type Identity } from './identity';
import { type Proxy, proxyNamed, proxyOf } from './proxy';
import type { WorldView } from './view';

/** What is known about the other end of a connection. */
export interface Proof {
  /** Of its certificate or token. */
  readonly identity: Identity;
  /** The IP address that it comes from. */
  readonly address: string;
  /** The control plane makes its key, and sends it over this connection. Default: not. */
  readonly getsKey?: boolean;
}

/** `unknown`: there is no such workload, or not yet. `refused`: it is somebody else's; why, for the log. */
export type ProvenProxy =
  | { readonly kind: 'proven'; readonly proxy: Proxy }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly reason: string };

const NODE_ID = /^(sidecar|router)~([^~]+)~([^~]+)\.([^~.]+)~([^~.]+)\.svc\.[^~]+$/;

export function provenProxy(view: WorldView, nodeId: string, proof: Proof): ProvenProxy {
  const [, type, ip, name, namespace, domain] = NODE_ID.exec(nodeId) ?? [];
  if (!type || !ip || !name || !namespace)
    return refused('the node id is not of the form TYPE~IP~NAME.NAMESPACE~DOMAIN');
  const who = formatIdentity(proof.identity);
  if (namespace !== proof.identity.namespace || domain !== namespace) {
    return refused(`${who} claims to be in namespace ${namespace}`);
  }
  const claim = { type, ip, name, namespace };
  const pod = view.pod(namespace, name);
  return pod ? ofPod(view, nodeId, claim, pod, proof) : ofWorkloadEntry(view, nodeId, claim, proof);
}

interface Claim {
  readonly type: string;
  readonly ip: string;
  readonly name: string;
  readonly namespace: string;
}

function ofPod(view: WorldView, id: string, claim: Claim, pod: Pod, { identity, address }: Proof): ProvenProxy {
  const { type, ip, name, namespace } = claim;
  const account = pod.spec?.serviceAccountName ?? 'default';
  if (account !== identity.serviceAccount) {
    return refused(`${formatIdentity(identity)} claims Pod ${namespace}/${name}, which runs as ${account}`);
  }
  const addresses = [pod.status?.podIP, ...(pod.status?.podIPs ?? []).map((each) => each.ip)];
  // A Pod gets its address before its status says so.
  if (!addresses.some(Boolean)) return { kind: 'unknown' };
  if (!isAddressOf(addresses, address)) {
    return refused(`the connection comes from ${address}, which is not an address of Pod ${namespace}/${name}`);
  }
  if (!addresses.includes(ip)) return refused(`${ip} of the node id is not an address of Pod ${namespace}/${name}`);
  const proxy = proxyNamed(view, `${name}.${namespace}`, { ip });
  if (!proxy) return { kind: 'unknown' };
  if (proxy.type !== type) return refused(`Pod ${namespace}/${name} is a ${proxy.type} and claims to be a ${type}`);
  return { kind: 'proven', proxy: { ...proxy, id } };
}

function ofWorkloadEntry(view: WorldView, id: string, claim: Claim, { identity, address }: Proof): ProvenProxy {
  const { type, ip, name, namespace } = claim;
  const entry = view.workloadEntries(namespace).find(({ metadata }) => metadata.name === name);
  if (!entry) return { kind: 'unknown' };
  const account = entry.spec.serviceAccount;
  if (account !== identity.serviceAccount) {
    const runsAs = account ? `which runs as ${account}` : 'which names no serviceAccount';
    return refused(`${formatIdentity(identity)} claims WorkloadEntry ${namespace}/${name}, ${runsAs}`);
  }
  if (entry.spec.address !== address || ip !== address) {
    return refused(
      `the connection comes from ${address}, which is not the address of WorkloadEntry ${namespace}/${name}`,
    );
  }
  if (type !== 'sidecar') return refused(`WorkloadEntry ${namespace}/${name} claims to be a ${type}`);
  const proxy = proxyOf(view, { id });
  return proxy ? { kind: 'proven', proxy } : { kind: 'unknown' };
}

const refused = (reason: string): ProvenProxy => ({ kind: 'refused', reason });
