/**
 * A method of gRPC whose messages are bytes on both sides: whoever serves it decodes them itself, at its own place and behind its
 * own checks, with ./message. A client can be made of the same definition.
 */
const bytes = (value: Buffer) => value;

/**
 * @param path `/PACKAGE.SERVICE/METHOD`, as gRPC has it on the wire.
 * @param streams which sides send more than one message. Default: neither.
 */
export function bytesMethod<const Streams extends { readonly request?: true; readonly response?: true }>(
  path: string,
  streams?: Streams,
) {
  return {
    path,
    requestStream: (streams?.request ?? false) as Streams['request'] extends true ? true : false,
    responseStream: (streams?.response ?? false) as Streams['response'] extends true ? true : false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  } as const;
}
