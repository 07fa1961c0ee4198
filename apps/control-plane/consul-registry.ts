/** Consul beside files or a Kubernetes API server: both make one World. */
import { readFile } from 'node:fs/promises';
import type { KubeObject } from '../../lib/api/object';
import { ConsulClient, type ConsulOptions, ConsulWatch, unite } from '../../lib/discovery/consul';
import type { Finding } from '../../lib/galley';
import type { Logger } from '../../lib/xds/source';
import type { Registry } from './registry';

export interface ConsulRegistryOptions extends Pick<ConsulOptions, 'address' | 'consistency'> {
  /** The file that holds the ACL token: a mounted Secret. Read at the start. Default: no token. */
  readonly tokenFile?: string;
  /** PEM of the authorities of Consul's certificate. Default: those of Node. */
  readonly caFile?: string;
  /** Default: the agent's own. */
  readonly datacenters?: readonly string[];
  /** The namespace that its services' objects are in. Default: `consul`. */
  readonly namespace?: string;
}

/** @throws Error when the address is none or a file cannot be read. */
export async function withConsul(registry: Registry, options: ConsulRegistryOptions, log: Logger): Promise<Registry> {
  const { address, consistency, tokenFile, caFile, datacenters, namespace } = options;
  const token = tokenFile && (await readFile(tokenFile, 'utf8')).trim();
  const ca = caFile && (await readFile(caFile, 'utf8'));
  const consul = new ConsulClient({ address, consistency, token, ca });
  let watch: ConsulWatch | undefined;
  let closed: () => void = () => undefined;
  const untilClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  return {
    ...registry,
    async watch(onObjects) {
      let objects: readonly KubeObject[] | undefined;
      let findings: Finding[] | undefined;
      let ofConsul: readonly KubeObject[] | undefined;
      // A World of half the registries would take services away from proxies that come back.
      const tell = () => {
        if (!objects || !ofConsul) return;
        const one = unite(objects, ofConsul);
        onObjects(one.objects, [...(findings ?? []), ...one.findings]);
      };
      log.info({ datacenters }, 'reading Consul');
      watch = new ConsulWatch({
        consul,
        datacenters,
        namespace,
        onChange(services) {
          ofConsul = services;
          tell();
        },
        onTrouble(resource, trouble) {
          if (trouble === undefined) log.info({ resource }, 'read again');
          else
            log.warn(
              { resource, error: trouble },
              'cannot be believed in full; what was healthy before stays in force',
            );
        },
      });
      const first = registry.watch((all, found) => {
        objects = all;
        findings = found;
        tell();
      });
      await Promise.race([Promise.all([first, watch.whole]), untilClosed]);
    },
    status: () => [...registry.status(), ...(watch?.status() ?? [])],
    async close() {
      watch?.close();
      closed();
      await registry.close();
    },
  };
}
