/** TLS certificates for gateways whose Secret is not among the manifests, as it should not be: for this machine only. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Gateway } from '../api';
import type { KubeObject } from '../api/object';
import { developmentCertificate } from '../citadel/development-certificate';

/** The Secrets that Gateways name and nobody has, in the namespace of each Gateway: name → hosts that it is for. */
export function missingSecrets(objects: readonly KubeObject[]): { namespace: string; name: string; hosts: string[] }[] {
  const present = new Set(
    objects.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  );
  const missing = new Map<string, { namespace: string; name: string; hosts: string[] }>();
  for (const object of objects) {
    if (object.kind !== 'Gateway' || !object.apiVersion.startsWith('networking.istio.io/')) continue;
    const namespace = object.metadata.namespace ?? 'default';
    for (const server of (object as Gateway).spec?.servers ?? []) {
      const name = server.tls?.credentialName;
      if (!name || present.has(`${namespace}/${name}`)) continue;
      const entry = missing.get(`${namespace}/${name}`) ?? { namespace, name, hosts: [] };
      entry.hosts.push(...(server.hosts ?? []));
      missing.set(`${namespace}/${name}`, entry);
    }
  }
  return [...missing.values()];
}

/**
 * Writes such Secrets into a folder for the control plane.
 * @returns the folder and the certificate that a client has to trust; undefined when nothing is missing.
 */
export async function writeDevelopmentSecrets(
  objects: readonly KubeObject[],
  directory: string,
): Promise<{ directory: string; secrets: string[]; caFile: string } | undefined> {
  const missing = missingSecrets(objects);
  if (missing.length === 0) return undefined;
  const folder = join(directory, 'secrets');
  await mkdir(folder, { mode: 0o700 });
  const authorities: string[] = [];
  for (const { namespace, name, hosts } of missing) {
    const { certPem, keyPem, caPem } = await developmentCertificate(hosts);
    authorities.push(caPem);
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': base64(certPem), 'tls.key': base64(keyPem) },
    };
    await writeFile(join(folder, `${namespace}.${name}.yaml`), stringify(secret), { mode: 0o600 });
  }
  const caFile = join(directory, 'development-ca.pem');
  await writeFile(caFile, authorities.join('\n'));
  return { directory: folder, secrets: missing.map(({ namespace, name }) => `${namespace}/${name}`), caFile };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
