/**
 * A host that both Consul and another registry know: what somebody wrote as an object wins, and Consul's service is left out and
 * reported. It is never a mix of both: whoever registers in Consul may not add endpoints to a service that is owned elsewhere.
 */
import type { KubeObject } from '../../api/object';
import type { Finding } from '../../galley';
import { findingAbout } from '../../galley/catalogue';

export interface OneRegistry {
  readonly objects: KubeObject[];
  readonly findings: Finding[];
}

export function unite(objects: readonly KubeObject[], ofConsul: readonly KubeObject[]): OneRegistry {
  const owned = new Map<string, KubeObject>();
  for (const object of objects) {
    if (object.kind !== 'ServiceEntry') continue;
    for (const host of hostsOf(object)) if (!owned.has(host)) owned.set(host, object);
  }
  const findings: Finding[] = [];
  const kept = ofConsul.filter((object) => {
    const [host] = hostsOf(object);
    const owner = owned.get(host!);
    if (owner) {
      const { namespace, name } = owner.metadata;
      const message = `host '${host}' of Consul belongs to ServiceEntry ${namespace}/${name}, which is used alone`;
      findings.push(findingAbout(object, 'MAL0050', 'registries', { message, path: 'spec.hosts[0]' }));
    }
    return !owner;
  });
  return { objects: [...objects, ...kept], findings };
}

function hostsOf({ spec }: KubeObject): string[] {
  const { hosts } = (spec ?? {}) as { hosts?: unknown };
  return Array.isArray(hosts) ? hosts.filter((host) => typeof host === 'string').map((host) => host.toLowerCase()) : [];
}
