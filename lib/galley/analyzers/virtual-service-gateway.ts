/** VirtualServices name gateways that exist, and hosts that those gateways serve. */
import { Gateway } from '../../api/networking/gateway';
import { VirtualService } from '../../api/networking/virtual-service';
import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { nearest } from '../nearest';
import { overlap } from '../rules/host';
import { type Analysis, namespaceOf } from './analysis';

const NAME = 'virtualservice.GatewayAnalyzer';

/** A host that a gateway serves, and the namespace whose routes may use it; `*` is any. */
interface ServedHost {
  namespace: string;
  host: string;
}

export function virtualServiceGateway(analysis: Analysis): Finding[] {
  const gateways = new Map<string, ServedHost[]>();
  for (const gateway of analysis.of<Gateway>(Gateway)) {
    gateways.set(`${namespaceOf(gateway)}/${gateway.metadata.name}`, hostsOfGateway(gateway));
  }
  for (const gateway of analysis.of('gateway.networking.k8s.io/Gateway')) {
    const name = `${namespaceOf(gateway)}/${gateway.metadata.name}`;
    gateways.set(name, [...(gateways.get(name) ?? []), ...hostsOfListeners(gateway)]);
  }
  return analysis
    .of<VirtualService>(VirtualService)
    .flatMap((object) => [...missingGateways(object, gateways), ...unservedHosts(object, gateways)]);
}

function hostsOfGateway(gateway: Gateway): ServedHost[] {
  return (gateway.spec.servers ?? []).flatMap((server) =>
    server.hosts.map((text) => {
      const [before, host] = text.includes('/') ? text.split('/', 2) : ['*', text];
      return { namespace: before === '.' ? namespaceOf(gateway) : before!, host: host! };
    }),
  );
}

/** The Gateway API's gateways; without a hostname a listener serves all. */
function hostsOfListeners(gateway: KubeObject): ServedHost[] {
  const listeners = (gateway.spec as { listeners?: unknown } | undefined)?.listeners;
  return (Array.isArray(listeners) ? listeners : []).map((listener: { hostname?: unknown } | null) => ({
    namespace: '*',
    host: typeof listener?.hostname === 'string' ? listener.hostname : '*',
  }));
}

/** All gateways that routes of the object are for, each with its place; `mesh` is none. */
function gatewaysOf(object: VirtualService): { name: string; path: string }[] {
  const { spec } = object;
  const lists: [string[] | undefined, string][] = [[spec.gateways, 'spec.gateways']];
  for (const protocol of ['http', 'tls', 'tcp'] as const) {
    for (const [index, route] of (spec[protocol] ?? []).entries()) {
      for (const [place, match] of (route.match ?? []).entries()) {
        lists.push([match.gateways, `spec.${protocol}[${index}].match[${place}].gateways`]);
      }
    }
  }
  return lists.flatMap(([names, path]) =>
    (names ?? []).flatMap((name, index) => (name === 'mesh' ? [] : [{ name, path: `${path}[${index}]` }])),
  );
}

function keyOf(name: string, object: KubeObject): string {
  return name.includes('/') ? name.replace(/^\.\//, `${namespaceOf(object)}/`) : `${namespaceOf(object)}/${name}`;
}

function missingGateways(object: VirtualService, gateways: ReadonlyMap<string, ServedHost[]>): Finding[] {
  return gatewaysOf(object)
    .filter(({ name }) => !gateways.has(keyOf(name, object)))
    .map(({ name, path }) => {
      const near = nearest(keyOf(name, object), [...gateways.keys()]);
      const message = `there is no Gateway ${keyOf(name, object)}${near ? `, did you mean ${near}?` : ''}`;
      const fix = near ? `write ${near}` : 'correct the name, or add the Gateway';
      return findingAbout(object, 'IST0101', NAME, { path, message, fix });
    });
}

/** Hosts that none of the gateways serves. Where a gateway is missing, nothing is known about its hosts. */
function unservedHosts(object: VirtualService, gateways: ReadonlyMap<string, ServedHost[]>): Finding[] {
  const names = (object.spec.gateways ?? []).filter((name) => name !== 'mesh');
  const forMesh = names.length < (object.spec.gateways ?? []).length;
  const served = names.map((name) => gateways.get(keyOf(name, object)));
  if (names.length === 0 || forMesh || served.includes(undefined)) {
    return [];
  }
  const own = namespaceOf(object);
  const open = served.flatMap((hosts) => hosts!.filter((host) => host.namespace === '*' || host.namespace === own));
  return (object.spec.hosts ?? []).flatMap((host, index) => {
    if (open.some((candidate) => overlap(candidate.host, host))) {
      return [];
    }
    const hosts = [...new Set(open.map((candidate) => candidate.host))].join(', ') || 'none';
    const message = `the host ${host} is served by none of the gateways ${names.join(', ')}, their hosts for namespace ${own} are ${hosts}`;
    return [findingAbout(object, 'IST0132', NAME, { path: `spec.hosts[${index}]`, message })];
  });
}
