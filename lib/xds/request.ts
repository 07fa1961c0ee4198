/** Requests as they come over the wire, brought into one form for both variants. */
import { decode } from '../envoy/message';
import type { Node } from './source';
import { ProtocolError, type Request } from './subscription';

export type Variant = 'delta' | 'state';

/** Longer names are no names of resources. */
const MAX_NAME_LENGTH = 4_096;

/** A request, and the node where the request names one: the first of a stream has to. */
export function parseRequest(variant: Variant, bytes: Uint8Array): Request & { node?: Node } {
  try {
    return variant === 'delta' ? parseDelta(bytes) : parseState(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw new ProtocolError(`the request cannot be read: ${(error as Error).message}`);
  }
}

function parseDelta(bytes: Uint8Array): Request & { node?: Node } {
  const request = decode('envoy.service.discovery.v3.DeltaDiscoveryRequest', bytes);
  return {
    typeUrl: typeOf(request.type_url),
    nonce: request.response_nonce ?? '',
    error: request.error_detail && (request.error_detail.message || 'rejected without a reason'),
    names: [],
    subscribe: checked(request.resource_names_subscribe),
    unsubscribe: checked(request.resource_names_unsubscribe),
    initialVersions: request.initial_resource_versions ?? {},
    node: nodeOf(request.node),
  };
}

function parseState(bytes: Uint8Array): Request & { node?: Node } {
  const request = decode('envoy.service.discovery.v3.DiscoveryRequest', bytes);
  return {
    typeUrl: typeOf(request.type_url),
    nonce: request.response_nonce ?? '',
    error: request.error_detail && (request.error_detail.message || 'rejected without a reason'),
    names: checked(request.resource_names),
    subscribe: [],
    unsubscribe: [],
    initialVersions: {},
    node: nodeOf(request.node),
  };
}

function typeOf(typeUrl: string | undefined): string {
  if (!typeUrl) throw new ProtocolError('type_url is empty; the aggregated service needs it in each request');
  if (typeUrl.length > MAX_NAME_LENGTH) throw new ProtocolError('type_url is longer than 4,096 characters', 'too-much');
  return typeUrl;
}

function checked(names: string[] = []): string[] {
  if (names.some((name) => name.length > MAX_NAME_LENGTH)) {
    throw new ProtocolError('a resource name is longer than 4,096 characters', 'too-much');
  }
  return names;
}

interface SemanticVersion {
  major_number?: number;
  minor_number?: number;
  patch?: number;
}

function nodeOf(
  node: { id?: string; cluster?: string; metadata?: object; user_agent_build_version?: object } | undefined,
) {
  if (!node?.id) return undefined;
  if (node.id.length > MAX_NAME_LENGTH)
    throw new ProtocolError('the node id is longer than 4,096 characters', 'too-much');
  const version = (node.user_agent_build_version as { version?: SemanticVersion } | undefined)?.version;
  return {
    id: node.id,
    cluster: node.cluster,
    metadata: node.metadata as Record<string, unknown> | undefined,
    version: version && [version.major_number, version.minor_number, version.patch].map((part) => part ?? 0).join('.'),
  };
}
