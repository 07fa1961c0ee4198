/** Where a WebAssembly module is. */
import { parseReference } from '../lib/world';
import { problemAt } from './problem';

/** As whom an image is pulled, and whether its tag is followed. */
export interface WasmImageOptions {
  /** A Secret of type `kubernetes.io/dockerconfigjson`, in the namespace of the service. Default: the registry is asked as nobody. */
  readonly pullSecret?: string;
  /** Whether a tag is looked up again each minute. Default: `latest` is, others are not. */
  readonly follow?: boolean;
}

/** The fields of a WasmPlugin that say which module it is. */
interface WasmSource {
  readonly url: string;
  readonly sha256?: string;
  readonly imagePullPolicy?: 'IfNotPresent' | 'Always';
  readonly imagePullSecret?: string;
}

/** A WebAssembly module. */
export class Wasm {
  /**
   * The module of an image, which the control plane pulls and checks: `ghcr.io/acme/auth@sha256:…`. By a tag it may be another tomorrow.
   * @throws when that names no image.
   */
  static oci(image: string, { pullSecret, follow }: WasmImageOptions = {}): Wasm {
    const url = /^oci:\/\//i.test(image) ? image : `oci://${image}`;
    try {
      parseReference(url);
    } catch (error) {
      throw problemAt('Wasm.oci', {
        code: 'MAL0175',
        what: 'an image has a registry, a repository, and a digest or tag',
        got: `'${image}'`,
        allowed: 'ghcr.io/acme/auth@sha256:…, ghcr.io/acme/auth:v1',
        fix: (error as Error).message,
      });
    }
    return new Wasm({
      url,
      ...(follow !== undefined && { imagePullPolicy: follow ? 'Always' : 'IfNotPresent' }),
      ...(pullSecret !== undefined && { imagePullSecret: pullSecret }),
    });
  }

  /** A module that proxies fetch over HTTP or HTTPS and compare with its checksum, in hexadecimal digits. */
  static http(url: string, sha256: string): Wasm {
    return new Wasm({ url, sha256 });
  }

  /** A file in the proxies, by its path. */
  static file(path: string): Wasm {
    return new Wasm({ url: `file://${path}` });
  }

  private constructor(
    /** @internal */
    readonly source: WasmSource,
  ) {}
}
