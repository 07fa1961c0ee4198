/**
 * One Envoy resource on its way to proxies: a name, a message, and, made once and shared by every proxy that gets it,
 * its bytes and version.
 */
import { hash } from 'node:crypto';
import { encodeAny } from './message';
import type { TypeUrl } from './type-url';

export class EnvoyResource<T extends object = object> {
  private encoded?: Uint8Array;
  private digest?: string;

  /**
   * @param message the message in protobuf's canonical JSON with original field names, without `@type`.
   */
  constructor(
    readonly typeUrl: TypeUrl,
    readonly name: string,
    readonly message: T,
  ) {}

  /** The bytes of the `google.protobuf.Any` that holds this message. */
  get any(): Uint8Array {
    this.encoded ??= encodeAny(this.typeUrl, this.message);
    return this.encoded;
  }

  /** A version that depends on the content alone: equal content is never sent twice. */
  get version(): string {
    this.digest ??= hash('sha256', this.any, 'base64url').slice(0, 16);
    return this.digest;
  }
}

/** All that one proxy should have at one moment. */
export interface Snapshot {
  readonly clusters: readonly EnvoyResource[];
  readonly endpoints: readonly EnvoyResource[];
  readonly listeners: readonly EnvoyResource[];
  readonly routes: readonly EnvoyResource[];
  /** Of gateways with route configurations in parts. */
  readonly scopes: readonly EnvoyResource[];
  readonly secrets: readonly EnvoyResource[];
  /** Configurations that come to filters on their own. Default: none. */
  readonly extensions?: readonly EnvoyResource[];
  /** In place of extensions that are still to come, for proxies that have nothing under the name. Default: none. */
  readonly awaited?: readonly EnvoyResource[];
}
