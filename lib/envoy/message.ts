/**
 * Messages in canonical JSON, to bytes and back. The README of this folder says which form that is.
 */
import { Reader } from 'protobufjs/minimal';
import { codecOf } from './codec';
import { MessageError } from './error';
import type { google, MessageTypes } from './generated/envoy';
import { WireWriter } from './wire-writer';

export { MessageError } from './error';

/** The full name of a message that this package knows, such as `envoy.config.cluster.v3.Cluster`. */
export type MessageName = keyof MessageTypes;

/** Encoding never waits, so one is enough. */
const scratch = new WireWriter();

const TYPE_URL_PREFIX = 'type.googleapis.com/';

/** The message's bytes. Throws a MessageError that names the path of what is wrong. */
export function encode<N extends MessageName>(name: N, message: MessageTypes[N]): Uint8Array;
export function encode(name: string, message: object): Uint8Array;
export function encode(name: string, message: object): Uint8Array {
  const writer = scratch.reset();
  MessageError.within(name, () => required(name).encode(message, writer, 0));
  return writer.finish();
}

/** The bytes of a `google.protobuf.Any` that holds the message; `typeUrl` may also be a bare name. */
export function encodeAny(typeUrl: string, message: object): Uint8Array {
  const name = nameOf(typeUrl);
  const writer = scratch.reset().uint32(10).string(`${TYPE_URL_PREFIX}${name}`).uint32(18).fork();
  MessageError.within(name, () => required(name).encode(message, writer, 0));
  return writer.ldelim().finish();
}

/** The message in canonical JSON. Throws a MessageError when the bytes are not protobuf or nest too deep. */
export function decode<N extends MessageName>(name: N, bytes: Uint8Array): MessageTypes[N];
export function decode(name: string, bytes: Uint8Array): unknown;
export function decode(name: string, bytes: Uint8Array): unknown {
  const reader = Reader.create(bytes);
  return MessageError.within(name, () => required(name).decode(reader, reader.len, 0));
}

/** A typed message as a `google.protobuf.Any`: `any('envoy.extensions.filters.http.router.v3.Router', {})`. */
export function any<N extends MessageName>(name: N, message: MessageTypes[N]): google.protobuf.Any {
  return { '@type': `${TYPE_URL_PREFIX}${name}`, ...(message as object) };
}

/** Whether `typeUrl`, or a bare name, is a message of the bundle. */
export function isKnown(typeUrl: string): boolean {
  return codecOf(nameOf(typeUrl)) !== undefined;
}

function nameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

function required(name: string) {
  const codec = codecOf(name);
  if (!codec) throw new MessageError(`is no message that this build knows; scripts/generate-envoy.js lists what is`);
  return codec;
}
