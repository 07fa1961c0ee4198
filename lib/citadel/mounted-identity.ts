/**
 * The identity of a program as its kubelet keeps it in files: a podCertificate volume, with key and chain in one file and the
 * roots in another. They are looked at again and again, because they are replaced long before the certificate ends; a set
 * that cannot be used (half of it is there) leaves the last one in force.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PortIdentity } from './secure-port';

/** As `identityVolume` of the injector names them. */
const BUNDLE = 'credential-bundle.pem';
const ROOTS = 'trust-bundle.pem';
const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----\n?/;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/g;
const LOOK_MS = 10_000;

export class MountedIdentity {
  private current: PortIdentity;
  private readonly timer: NodeJS.Timeout;

  /**
   * @param folder of the volume. @param onChange called after each renewal. @param onTrouble told why files cannot be used.
   * @throws when there are no such files, or key and certificate do not belong together.
   */
  constructor(
    private readonly folder: string,
    onChange: () => void,
    onTrouble: (error: Error) => void,
    lookMs = LOOK_MS,
  ) {
    this.current = read(folder);
    this.timer = setInterval(() => {
      try {
        const found = read(this.folder);
        if (JSON.stringify(found) === JSON.stringify(this.current)) return;
        this.current = found;
        onChange();
      } catch (error) {
        onTrouble(error as Error);
      }
    }, lookMs);
    this.timer.unref();
  }

  identity(): PortIdentity {
    return this.current;
  }

  close(): void {
    clearInterval(this.timer);
  }
}

function read(folder: string): PortIdentity {
  const bundle = readFileSync(join(folder, BUNDLE), 'utf8');
  const keyPem = KEY.exec(bundle)?.[0];
  const chain = bundle.match(CERTIFICATE) ?? [];
  const roots = readFileSync(join(folder, ROOTS), 'utf8').match(CERTIFICATE) ?? [];
  if (!keyPem || chain.length === 0)
    throw new Error(`${join(folder, BUNDLE)} does not hold a private key and its chain`);
  if (roots.length === 0) throw new Error(`${join(folder, ROOTS)} holds no root`);
  if (!new X509Certificate(chain[0]!).checkPrivateKey(createPrivateKey(keyPem))) {
    throw new Error(`the private key of ${join(folder, BUNDLE)} is not that of its certificate`);
  }
  return { keyPem, chainPem: chain.join(''), roots };
}
