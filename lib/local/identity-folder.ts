/**
 * The identities of a run: where its Citadel keeps the authority, the keys by which tokens are reviewed, and for each Pod the
 * folder that stands for its volume: a token of its account, and the roots. The key of a workload is never here: it
 * goes from the control plane's memory to the proxy's.
 */
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../api/kubernetes';
import { fileStorage } from '../citadel/file-storage';
import { trustedSlots } from '../citadel/rotation';
import { slotsOf } from '../citadel/slot-files';
import { secretFiles } from '../injector';
import { TOKEN_SECONDS, TokenIssuer } from './token-issuer';

export class IdentityFolder {
  private readonly issuer = new TokenIssuer();
  private timer?: NodeJS.Timeout;

  private constructor(
    private readonly directory: string,
    private readonly pods: ReadonlyMap<string, Pod>,
    private readonly give: (file: string) => Promise<void>,
  ) {}

  /** `--citadel` of the control plane. */
  static citadelIn = (directory: string) => join(directory, 'citadel');
  /** `--token-keys` of the control plane. */
  static tokenKeysIn = (directory: string) => join(directory, 'token-keys.json');
  /** What stands for the volume of a Pod. */
  static volumeIn = (directory: string, pod: string) => join(directory, 'identity', pod);

  /**
   * Writes everything but the roots, which the control plane makes.
   * @param pods by the id of the plan: those that have an identity.
   * @param give makes a file the proxy's, and nobody else's.
   */
  static async create(
    directory: string,
    pods: ReadonlyMap<string, Pod>,
    give: (file: string) => Promise<void>,
  ): Promise<IdentityFolder> {
    const folder = new IdentityFolder(directory, pods, give);
    await writeFile(IdentityFolder.tokenKeysIn(directory), JSON.stringify(folder.issuer.keySet()));
    for (const id of pods.keys()) {
      const volume = IdentityFolder.volumeIn(directory, id);
      await mkdir(volume, { recursive: true, mode: 0o755 });
      for (const [name, text] of Object.entries(secretFiles('sds', volume))) await writeFile(join(volume, name), text);
    }
    await folder.writeTokens();
    // The kubelet renews tokens long before they end, too.
    folder.timer = setInterval(() => void folder.writeTokens(), (TOKEN_SECONDS * 1000) / 2);
    folder.timer.unref();
    return folder;
  }

  /** Gives every Pod the roots of the authority. Call it when the control plane is ready. */
  async writeRoots(): Promise<void> {
    // Where nobody proves anything, the control plane may be one without an authority.
    if (this.pods.size === 0) return;
    const kept = await fileStorage(IdentityFolder.citadelIn(this.directory)).load();
    if (!kept) throw new Error('the control plane of this run has made no authority');
    const roots = trustedSlots(slotsOf(kept.files)).map(({ rootPem }) => rootPem);
    for (const id of this.pods.keys()) {
      await writeFile(join(IdentityFolder.volumeIn(this.directory, id), 'trust-bundle.pem'), roots.join(''));
    }
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async writeTokens(): Promise<void> {
    for (const [id, pod] of this.pods) {
      const file = join(IdentityFolder.volumeIn(this.directory, id), 'token');
      const next = `${file}.next`;
      await writeFile(next, this.issuer.tokenFor(pod), { mode: 0o600 });
      await chmod(next, 0o600);
      await this.give(next);
      await rename(next, file);
    }
  }
}
