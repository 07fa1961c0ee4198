/** A VirtualService that other namespaces see takes no host that is not its own namespace's, unless it is let. */
import { ReferenceGrant } from '../../api/gateway-api';
import { VirtualService } from '../../api/networking/virtual-service';
import { objectName } from '../../api/object';
import { Grants } from '../../world/gateway-api/grants';
import { foreignHosts } from '../../world/host-ownership';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { namespaceOf } from './names';

const NAME = 'virtualservice.HostOwnershipAnalyzer';

export function hostOwnership(analysis: Analysis): Finding[] {
  const granted = new Map<string, ReferenceGrant[]>();
  for (const grant of analysis.of<ReferenceGrant>(ReferenceGrant)) {
    granted.set(namespaceOf(grant), [...(granted.get(namespaceOf(grant)) ?? []), grant]);
  }
  const grants = new Grants(granted);
  const { defaultVirtualServiceExportTo: fallback, hostOwnership: mode } = analysis.meshConfig;
  const registered = {
    overlapping: (host: string, namespace: string) => analysis.registry.registered(host, namespace),
  };
  return analysis
    .of<VirtualService>(VirtualService)
    .filter(({ spec }) => !spec.gateways?.length || spec.gateways.includes('mesh'))
    .flatMap((object) =>
      foreignHosts(object, registered, grants, fallback).map(({ index, owner }) => {
        const comes = mode === 'enforce' ? 'so that no sidecar gets it' : 'and routes the requests of other namespaces';
        const message = `the host ${owner.host} is ${objectName(owner.object)}, of namespace ${owner.namespace}, which has no ReferenceGrant for VirtualServices of namespace ${namespaceOf(object)}; this one is exported, ${comes}`;
        const level = mode === 'enforce' ? ('error' as const) : undefined;
        return findingAbout(object, 'MAL0010', NAME, { path: `spec.hosts[${index}]`, message, level });
      }),
    );
}
