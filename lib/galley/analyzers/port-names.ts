/** Ports of Services say their protocol. */
import type { Service } from '../../api/kubernetes';
import { selectProtocol } from '../../world/protocol';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { shown } from '../schema-check';
import type { Analysis } from './analysis';
import { isControlPlane, namespaceOf, SYSTEM_NAMESPACES } from './names';

const NAME = 'service.PortNameAnalyzer';

/** Ports on which servers speak first, so that nobody has to be told: SMTP, DNS, MySQL, MongoDB. */
const WELL_KNOWN = new Set([25, 53, 3306, 27017]);

const MANAGED = ['istio.io-gateway-controller', 'istio.io-mesh-controller', 'istio.io-eastwest-controller'];

export function portNames(analysis: Analysis): Finding[] {
  return analysis.of<Service>('/Service').flatMap((service) => {
    const managed = MANAGED.includes(service.metadata.labels?.['gateway.istio.io/managed'] ?? '');
    if (SYSTEM_NAMESPACES.has(namespaceOf(service)) || isControlPlane(service) || managed) {
      return [];
    }
    const external = service.spec?.type === 'ExternalName';
    return (service.spec?.ports ?? []).flatMap((port, index) => {
      const unknown = selectProtocol(port) === 'Unknown' && !WELL_KNOWN.has(port.port) && !isOther(port);
      if (!unknown && !(external && port.name === 'tcp')) {
        return [];
      }
      const path = `spec.ports[${index}]`;
      if (external) {
        const message = `the port ${port.port} of a Service of type ExternalName is plain TCP, and takes this port of every address`;
        return [findingAbout(service, 'IST0150', NAME, { path, message })];
      }
      const message = `the name ${shown(port.name ?? '')} of port ${port.port} says no protocol, so that each connection is looked at for HTTP, else handled as plain TCP`;
      return [findingAbout(service, 'IST0118', NAME, { path, message })];
    });
  });
}

/** Protocols that the API names and that are plain TCP here. */
function isOther({ name, appProtocol }: { name?: string; appProtocol?: string }): boolean {
  return ['hbone', 'http_proxy'].includes((appProtocol ?? name ?? '').toLowerCase().split('-')[0]!);
}
