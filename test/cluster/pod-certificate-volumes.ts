/**
 * What a kubelet does for a projected volume with a podCertificate source (KEP-4317): makes a key, asks by a
 * PodCertificateRequest, waits for its answer, and puts key and chain into one file, beside the trust bundle and what the downward
 * API tells, in a folder with the time in its name that the link `..data` then points to.
 */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { makeKeyPair } from '../../lib/citadel/key-pair';
import type { ClusterTrustBundle, PodCertificateRequest } from '../../lib/citadel/pod-certificate-request';
import type { KubeClient } from '../../lib/discovery/kubernetes';

interface Source {
  readonly podCertificate?: { readonly signerName: string; readonly credentialBundlePath: string };
  readonly clusterTrustBundle?: { readonly signerName: string; readonly path: string };
  readonly downwardAPI?: {
    readonly items: readonly { readonly path: string; readonly fieldRef: { readonly fieldPath: string } }[];
  };
}
interface Volume {
  readonly projected?: { readonly sources?: readonly Source[] };
}

const GROUP = '/apis/certificates.k8s.io/v1';
const RETRY_MS = 50;

/** Nobody waits for its volume any more. */
export class PodGone extends Error {}

export class PodCertificateVolumes {
  private isStopped = false;

  constructor(
    private readonly client: KubeClient,
    private readonly node: string,
    private readonly folder: string,
  ) {}

  stop(): void {
    this.isStopped = true;
  }

  folderOf({ metadata: { namespace, name } }: Pod): string {
    return join(this.folder, `${namespace}_${name}`);
  }

  async mount(pod: Pod): Promise<void> {
    const volumes = (pod.spec?.['volumes'] ?? []) as Volume[];
    for (const { projected } of volumes) {
      const sources = projected?.sources ?? [];
      if (sources.some(({ podCertificate }) => podCertificate)) await this.fill(pod, sources);
    }
  }

  private async fill(pod: Pod, sources: readonly Source[]): Promise<void> {
    const files: Record<string, string> = {};
    for (const { podCertificate, clusterTrustBundle, downwardAPI } of sources) {
      if (podCertificate) {
        files[podCertificate.credentialBundlePath] = await this.bundle(pod, podCertificate.signerName);
      }
      if (clusterTrustBundle) files[clusterTrustBundle.path] = await this.roots(pod, clusterTrustBundle.signerName);
      for (const { path, fieldRef } of downwardAPI?.items ?? []) {
        const key = /^metadata\.annotations\['(.+)'\]$/.exec(fieldRef.fieldPath)![1]!;
        files[path] = pod.metadata.annotations![key]!;
      }
    }
    const folder = this.folderOf(pod);
    const version = `..${new Date().toISOString().replace(/[-:.]/g, '_')}`;
    mkdirSync(join(folder, version), { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(folder, version, name), text);
      rmSync(join(folder, name), { force: true });
      symlinkSync(join('..data', name), join(folder, name));
    }
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  }

  /** @throws when the request is denied. */
  private async bundle({ metadata, spec }: Pod, signerName: string): Promise<string> {
    const { namespace, name, uid } = metadata;
    const serviceAccountName = spec?.serviceAccountName ?? 'default';
    const uidOf = async (path: string) => (await this.client.get<KubeObject>(path)).metadata.uid!;
    const { keyPem, csr } = await makeKeyPair();
    const folder = `${GROUP}/namespaces/${namespace}/podcertificaterequests`;
    const body = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'PodCertificateRequest',
      metadata: { generateName: `${name}-`, namespace },
      spec: {
        signerName,
        podName: name,
        podUID: uid,
        serviceAccountName,
        serviceAccountUID: await uidOf(`/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccountName}`),
        nodeName: this.node,
        nodeUID: await uidOf(`/api/v1/nodes/${this.node}`),
        stubPKCS10Request: csr.der.toString('base64'),
      },
    };
    let request = await this.client.request<PodCertificateRequest>('POST', folder, { body });
    while (!request.status?.conditions?.length) {
      if (this.isStopped) throw new Error(`${namespace}/${name} had no certificate when the kubelet stopped`);
      await this.pause(namespace, name);
      request = await this.client.get<PodCertificateRequest>(`${folder}/${request.metadata.name}`);
    }
    const { conditions, certificateChain } = request.status;
    if (!certificateChain) throw new Error(`${namespace}/${name}: ${conditions[0]?.reason} ${conditions[0]?.message}`);
    return keyPem + certificateChain;
  }

  /** A Pod that is deleted waits no longer. */
  private async pause(namespace: string | undefined, name: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const { metadata } = await this.client.get<KubeObject>(path);
    if (metadata.deletionTimestamp) throw new PodGone(`${namespace}/${name} was deleted before its volume was there`);
    await sleep(RETRY_MS);
  }

  private async roots({ metadata: { namespace, name } }: Pod, signerName: string): Promise<string> {
    for (;;) {
      const { items } = await this.client.get<{ items: ClusterTrustBundle[] }>(`${GROUP}/clustertrustbundles`);
      const found = items.filter(({ spec }) => spec?.signerName === signerName);
      if (found.length > 0) return found.map(({ spec }) => spec!.trustBundle).join('');
      if (this.isStopped) throw new Error(`there was no trust bundle of ${signerName} when the kubelet stopped`);
      await this.pause(namespace, name);
    }
  }
}
