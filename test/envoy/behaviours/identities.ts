/**
 * Identities of the cast's workloads: what a kubelet keeps in the volume of each Pod, from one authority of the mesh; and
 * certificates that callers should not get in with.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Authority, type Leaf } from '../../../lib/citadel/authority';
import { makeAuthorityCertificate } from '../../../lib/citadel/authority-certificate';
import { EnvoyResource, type Snapshot } from '../../../lib/envoy/resource';
import { TypeUrl } from '../../../lib/envoy/type-url';
import { IDENTITY_DIRECTORY } from '../../../lib/injector';
import { secretFiles } from '../../../lib/injector/identity';
import { ROOT_SECRET, WORKLOAD_SECRET } from '../../../lib/world';
import type { MeshSource } from '../../../lib/xds/mesh-source';
import type { Node, SnapshotSource } from '../../../lib/xds/source';
import { addressOfNode, NAMESPACE_OF } from './cast';

const DAY_SECONDS = 86_400;
const TRUST_DOMAIN = 'cluster.local';

/** By name: certificates for callers without a sidecar. The first is good. */
const CALLERS = {
  'mesh-client': { namespace: 'shop', account: 'client' },
  'mesh-alias': { namespace: 'shop', account: 'client', trustDomain: 'old.example' },
  'mesh-elsewhere': { namespace: 'shop', account: 'client', trustDomain: 'other.example' },
  'mesh-expired': { namespace: 'shop', account: 'client', expired: true },
  'mesh-forged': { namespace: 'shop', account: 'client', forged: true },
} as const;

export class Identities {
  private readonly rewritten = new WeakMap<object, Map<string, EnvoyResource>>();
  private readonly snapshots = new WeakMap<Snapshot, Map<string, Snapshot>>();

  private constructor(
    private readonly root: string,
    private readonly leaves: ReadonlyMap<string, Leaf>,
    private readonly directory: string,
  ) {}

  /** @param directory of the run; each Pod has its volume below it. */
  static async make(directory: string): Promise<Identities> {
    const past = new Date(Date.now() - 2 * DAY_SECONDS * 1000);
    const root = await makeAuthorityCertificate({ name: 'mesh', now: past, lifetimeSeconds: 30 * DAY_SECONDS });
    const now = Authority.of(root, () => new Date());
    const long = Authority.of(root, () => past);
    const stranger = await Authority.selfSigned({ name: 'mesh', clock: () => new Date() });
    const named = (namespace: string, serviceAccount: string, trustDomain = TRUST_DOMAIN) => ({
      identity: { trustDomain, namespace, serviceAccount },
    });
    const leaves = new Map<string, Leaf>();
    for (const [pod, namespace] of Object.entries(NAMESPACE_OF))
      leaves.set(pod, await now.issue(named(namespace, pod)));
    for (const [name, caller] of Object.entries(CALLERS)) {
      const issuer = 'forged' in caller ? stranger : 'expired' in caller ? long : now;
      const domain = 'trustDomain' in caller ? caller.trustDomain : undefined;
      leaves.set(name, await issuer.issue(named(caller.namespace, caller.account, domain), 3_600));
    }
    const identities = new Identities(root.certPem, leaves, directory);
    for (const pod of Object.keys(NAMESPACE_OF)) identities.write(pod);
    return identities;
  }

  /** Of a Pod by its name, or of a caller. */
  leaf(name: string): Leaf | undefined {
    return this.leaves.get(name);
  }

  /**
   * Snapshots for the proxies of this machine: each finds its volume in a folder of its own, and those that ask for their
   * identity over the stream get it as the control plane would send it.
   */
  source(mesh: MeshSource): SnapshotSource {
    return {
      subscribe: (onChange) => mesh.subscribe(onChange),
      snapshot: (node) => {
        const pod = podOf(node);
        const proof = this.proofOf(mesh, node, pod);
        const snapshot = mesh.snapshot(node, proof);
        return snapshot && this.ofPod(snapshot, pod, proof?.getsKey);
      },
    };
  }

  /** What Citadel would have found out, for those who have no files to prove it by. */
  private proofOf(mesh: MeshSource, node: Node, name: string) {
    const namespace = NAMESPACE_OF[name]!;
    const volumes = JSON.stringify(mesh.world?.pod(namespace, name)?.spec?.volumes ?? []);
    if (!volumes.includes('serviceAccountToken')) return undefined;
    const identity = { trustDomain: TRUST_DOMAIN, namespace, serviceAccount: name };
    return { identity, address: addressOfNode(node.id), getsKey: true };
  }

  private ofPod(snapshot: Snapshot, pod: string, getsKey = false): Snapshot {
    const known = this.snapshots.get(snapshot) ?? new Map<string, Snapshot>();
    this.snapshots.set(snapshot, known);
    let own = known.get(pod);
    if (!own) {
      const { clusters, listeners, secrets } = snapshot;
      own = {
        ...snapshot,
        clusters: clusters.map((each) => this.placed(each, pod)),
        listeners: listeners.map((each) => this.placed(each, pod)),
        secrets: getsKey ? [...this.secretsOf(pod), ...secrets] : secrets,
      };
      known.set(pod, own);
    }
    return own;
  }

  private placed(resource: EnvoyResource, pod: string): EnvoyResource {
    const known = this.rewritten.get(resource) ?? new Map<string, EnvoyResource>();
    this.rewritten.set(resource, known);
    let own = known.get(pod);
    if (!own) {
      const text = JSON.stringify(resource.message);
      own = text.includes(IDENTITY_DIRECTORY)
        ? new EnvoyResource(
            resource.typeUrl,
            resource.name,
            JSON.parse(text.replaceAll(IDENTITY_DIRECTORY, this.folder(pod))),
          )
        : resource;
      known.set(pod, own);
    }
    return own;
  }

  private readonly made = new Map<string, readonly EnvoyResource[]>();

  private secretsOf(pod: string): readonly EnvoyResource[] {
    let secrets = this.made.get(pod);
    if (!secrets) {
      const { certPem, keyPem } = this.leaf(pod)!;
      const inline = (text: string) => ({ inline_string: text });
      secrets = [
        new EnvoyResource(TypeUrl.secret, ROOT_SECRET, {
          name: ROOT_SECRET,
          validation_context: { trusted_ca: inline(this.root) },
        }),
        new EnvoyResource(TypeUrl.secret, WORKLOAD_SECRET, {
          name: WORKLOAD_SECRET,
          tls_certificate: { certificate_chain: inline(certPem), private_key: inline(keyPem) },
        }),
      ];
      this.made.set(pod, secrets);
    }
    return secrets;
  }

  private folder(pod: string): string {
    return join(this.directory, 'identity', pod);
  }

  private write(pod: string): void {
    const folder = this.folder(pod);
    mkdirSync(folder, { recursive: true });
    const { certPem, keyPem } = this.leaf(pod)!;
    writeFileSync(join(folder, 'credential-bundle.pem'), keyPem + certPem);
    writeFileSync(join(folder, 'trust-bundle.pem'), this.root);
    for (const [name, text] of Object.entries(secretFiles('podCertificate', folder)))
      writeFileSync(join(folder, name), text);
  }
}

/** `sidecar~IP~POD.NS~…` */
function podOf({ id }: Node): string {
  return id.split('~')[2]!.split('.')[0]!;
}
