/**
 * Responses, put together from bytes that are made once for all proxies. What differs from client to client (the nonce,
 * the names to remove) is a few bytes around them; protobuf does not mind the order.
 */
import { Writer } from 'protobufjs/minimal';
import type { EnvoyResource } from '../envoy/resource';
import type { Variant } from './request';
import type { Update } from './subscription';

/** DeltaDiscoveryResponse and DiscoveryResponse, field numbers of envoy/service/discovery/v3/discovery.proto. */
const TAG = {
  delta: { version: 10, resources: 18, typeUrl: 34, nonce: 42, removed: 50 },
  state: { version: 10, resources: 18, typeUrl: 34, nonce: 42 },
} as const;

/** envoy.service.discovery.v3.Resource: version 1, resource 2, name 3. */
const RESOURCE = { version: 10, any: 18, name: 26 } as const;

/** The bytes in front of a resource's Any, in a delta response. */
const prefixes = new WeakMap<EnvoyResource, Uint8Array>();

export interface Response {
  readonly variant: Variant;
  readonly typeUrl: string;
  readonly nonce: string;
  /** Of the whole response; clients echo it, and people see it in config dumps. */
  readonly version: string;
  readonly update: Update;
}

export function encodeResponse({ variant, typeUrl, nonce, version, update }: Response): Buffer {
  const chunks: Uint8Array[] = [];
  for (const resource of update.resources) {
    chunks.push(variant === 'delta' ? deltaPrefix(resource) : statePrefix(resource), resource.any);
  }
  const rest = Writer.create();
  rest.uint32(TAG[variant].version).string(version);
  rest.uint32(TAG[variant].typeUrl).string(typeUrl);
  rest.uint32(TAG[variant].nonce).string(nonce);
  if (variant === 'delta') for (const name of update.removed) rest.uint32(TAG.delta.removed).string(name);
  chunks.push(rest.finish());
  return Buffer.concat(chunks);
}

function statePrefix(resource: EnvoyResource): Uint8Array {
  return Writer.create().uint32(TAG.state.resources).uint32(resource.any.length).finish();
}

/** The header of field `resources`, then the Resource up to its Any. */
function deltaPrefix(resource: EnvoyResource): Uint8Array {
  let prefix = prefixes.get(resource);
  if (!prefix) {
    const inner = Writer.create()
      .uint32(RESOURCE.version)
      .string(resource.version)
      .uint32(RESOURCE.name)
      .string(resource.name)
      .uint32(RESOURCE.any)
      .uint32(resource.any.length)
      .finish();
    const outer = Writer.create()
      .uint32(TAG.delta.resources)
      .uint32(inner.length + resource.any.length)
      .finish();
    prefix = Buffer.concat([outer, inner]);
    prefixes.set(resource, prefix);
  }
  return prefix;
}
