/**
 * Providers that proxies talk gRPC to have ports that speak HTTP/2: a proxy speaks HTTP/1.1 with every port that does not
 * say otherwise, and what it sends is lost without a word ("Protocol Selection" in Istio's documentation).
 */
import type { Service } from '../../api/kubernetes';
import type { ExtensionProvider } from '../../api/mesh/extension-provider';
import type { ServiceEntry } from '../../api/networking/service-entry';
import { groupOf, type KubeObject, objectName } from '../../api/object';
import { protocolNamed, selectProtocol } from '../../world/protocol';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { shown } from '../schema-check';
import type { Analysis } from './analysis';
import type { KnownHost } from './registry';

const NAME = 'meshconfig.ProviderPortAnalyzer';

const GRPC_PROVIDERS = [
  'opentelemetry',
  'envoyOtelAls',
  'envoyHttpAls',
  'envoyTcpAls',
  'envoyExtAuthzGrpc',
  'skywalking',
  'opencensus',
] as const satisfies readonly (keyof ExtensionProvider)[];

const HTTP2 = new Set(['HTTP2', 'GRPC', 'GRPC-Web']);

export function providerPorts(analysis: Analysis): Finding[] {
  const object: KubeObject = {
    apiVersion: 'mesh.istio.io/v1alpha1',
    kind: 'MeshConfig',
    metadata: { name: 'meshconfig', namespace: analysis.rootNamespace },
  };
  return (analysis.meshConfig.extensionProviders ?? []).flatMap((provider, index) =>
    GRPC_PROVIDERS.flatMap((type) => {
      const asked = provider[type] as { service?: unknown; port?: unknown; http?: unknown } | undefined;
      if (!asked || asked.http || typeof asked.service !== 'string' || typeof asked.port !== 'number') return [];
      const reason = wrongPort(analysis, asked.service, asked.port);
      if (!reason) return [];
      const message = `the provider ${shown(provider.name)} is asked by gRPC, but ${reason}`;
      return [findingAbout(object, 'MAL0007', NAME, { path: `extensionProviders[${index}].${type}.port`, message })];
    }),
  );
}

function wrongPort(analysis: Analysis, service: string, number: number): string | undefined {
  const slash = service.indexOf('/');
  const namespace = slash > 0 ? service.slice(0, slash) : analysis.rootNamespace;
  const candidates = analysis.registry.registered(service.slice(slash + 1), namespace);
  const known = candidates.find((each) => each.namespace === namespace) ?? candidates[0];
  // What is not among the objects may well be elsewhere.
  if (!known) return undefined;
  const protocol = protocolOf(known, number);
  if (protocol === undefined) {
    return `${objectName(known.object)} has no port ${number}, only ${known.ports.join(', ') || 'none'}`;
  }
  return HTTP2.has(protocol)
    ? undefined
    : `port ${number} of ${objectName(known.object)} ${protocol === 'Unknown' ? 'declares no protocol' : `is declared as ${protocol}`}`;
}

function protocolOf({ object }: KnownHost, number: number): string | undefined {
  if (groupOf(object) === '') {
    const port = (object as Service).spec?.ports?.find((each) => each.port === number);
    return port && selectProtocol({ ...port, number });
  }
  const port = (object as ServiceEntry).spec.ports?.find((each) => each.number === number);
  return port && protocolNamed(port.protocol);
}
