/** The module in a layer, as it is or in an archive. Nothing of it is run, and nothing is written to disk. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { ImageError } from './image-error';

/** In bytes; what Envoy and gRPC take in one response is twice as much. */
export const MAX_MODULE_BYTES = 32 * 1024 * 1024;
/** All of an archive, unpacked. */
const MAX_ARCHIVE_BYTES = 2 * MAX_MODULE_BYTES;
const gunzipped = promisify(gunzip);
const FILE = /^(\.?\/)?plugin\.wasm$/;

/** The file plugin.wasm of a tar+gzip archive. @throws ImageError when there is none, or the archive is none or too large. */
export async function moduleInArchive(archive: Buffer): Promise<Buffer> {
  const entries = extract();
  entries.end(await unpacked(archive));
  try {
    for await (const entry of entries) {
      const { name, type, size = 0 } = entry.header;
      if (type !== 'file' || !FILE.test(name)) {
        entry.resume();
        continue;
      }
      if (size > MAX_MODULE_BYTES) throw ImageError.verdict(tooLarge(size));
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    }
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw ImageError.verdict('the layer is no tar archive');
  }
  throw ImageError.verdict('the archive has no file plugin.wasm');
}

async function unpacked(archive: Buffer): Promise<Buffer> {
  try {
    return await gunzipped(archive, { maxOutputLength: MAX_ARCHIVE_BYTES });
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const problem = isLarge
      ? `the archive unpacks to more than ${MAX_ARCHIVE_BYTES} bytes`
      : 'the layer is no gzip archive';
    throw ImageError.verdict(problem);
  }
}

/** WebAssembly core specification, section 5.5.16: the magic and the version of a module. @throws ImageError when it is none. */
export function checkModule(bytes: Buffer): void {
  if (bytes.length > MAX_MODULE_BYTES) throw ImageError.verdict(tooLarge(bytes.length));
  if (!bytes.subarray(0, 8).equals(PREAMBLE)) throw ImageError.verdict('the image holds no WebAssembly module');
}

const PREAMBLE = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

export function tooLarge(bytes: number): string {
  return `the module has ${bytes} bytes; at most ${MAX_MODULE_BYTES} are served`;
}
