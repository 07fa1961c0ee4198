/** WebAssembly modules of images, as far as a control plane has them. Whoever only translates has none, and pulls none. */
import type { Table } from './reads';
import { table } from './reads';

/**
 * What a control plane has of the image that a WasmPlugin or TrafficExtension names. Its identity stands for its content.
 * `delivered`: the module itself. `withheld`: it is not what it should be, and what was delivered before is taken back.
 */
export type ImageModule =
  | {
      readonly kind: 'delivered';
      /** Of the module, in hexadecimal digits. */
      readonly sha256: string;
      readonly base64: string;
    }
  | { readonly kind: 'withheld' };

/** By `Kind/namespace/name` of the object. */
export type ImageModules = ReadonlyMap<string, ImageModule>;

/** By `Kind/namespace/name`; undefined: it is not there yet, and what proxies have of it stays. */
export const imageModuleTable: Table<ImageModule | undefined> = table('image module', (world, key) =>
  world.imageModules.get(key),
);

/** Whether a module comes by an image: `oci://registry/…`, or without any scheme. */
export function isImageUrl(url: string): boolean {
  return !/^(file|https?):\/\//i.test(url);
}
