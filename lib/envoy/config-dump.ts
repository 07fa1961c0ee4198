/** Resources as Envoy's `/config_dump` writes them. https://www.envoyproxy.io/docs/envoy/latest/operations/admin */
import { decode, encode } from './message';
import type { EnvoyResource } from './resource';

/** A message in protobuf's canonical JSON with original field names, after its type. */
export type Dumped<Message = object> = { '@type': string } & Message;

/** Sorted by name. Through the encoder and back: what is shown is what the bytes on the wire say. */
export function dumped<Message>(resources: readonly EnvoyResource[]): Dumped<Message>[] {
  return [...resources]
    .sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))
    .map(({ typeUrl, message }) => {
      const name = typeUrl.slice(typeUrl.indexOf('/') + 1);
      return { '@type': typeUrl, ...(decode(name, encode(name, message)) as Message) };
    });
}
