/** Bookinfo's manifests, freshly synthesized by the built program, and what tests change in a copy of them. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'cdk8s';
import { editStream, readStream } from '../../apps/cli/yaml-stream';
import type { WorkloadController } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { RUN_ANNOTATION } from '../../lib/local';

const PROGRAM = join(__dirname, '../../dist/apps/bookinfo/main.js');

export class BookinfoManifests {
  readonly dir: string;

  /**
   * @param declare what is declared in place of the built program.
   * @throws when the program has not been built.
   */
  constructor(declare?: (app: App) => void) {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run npm run build`);
    this.dir = mkdtempSync(join(tmpdir(), 'malha-manifests-'));
    if (declare) {
      const app = new App({ outdir: this.dir });
      declare(app);
      app.synth();
      return;
    }
    execFileSync(process.execPath, [PROGRAM], { env: { ...process.env, CDK8S_OUTDIR: this.dir } });
  }

  /** Every object, in the order of files and documents. */
  objects(): KubeObject[] {
    return this.paths().flatMap((path) => readStream(readFileSync(path, 'utf8'), path) as KubeObject[]);
  }

  /** The names of the files, in order. */
  files(): string[] {
    return readdirSync(this.dir).sort();
  }

  /** The only object of that kind and name. */
  object<T extends KubeObject>(kind: string, name: string): T {
    const found = this.objects().filter((object) => object.kind === kind && object.metadata.name === name);
    if (found.length !== 1) throw new Error(`${found.length} objects ${kind} ${name} in ${this.dir}`);
    return found[0] as T;
  }

  /** Lets a command stand for a Deployment that is otherwise not run on one machine. */
  runLocally(deployment: string, command: string): void {
    for (const path of this.paths()) {
      const text = readFileSync(path, 'utf8');
      const edited = editStream(text, path, (value) => {
        const object = value as WorkloadController;
        if (object?.kind !== 'Deployment' || object.metadata.name !== deployment) return value;
        const { template } = object.spec!;
        const annotations = { ...template.metadata?.annotations, [RUN_ANNOTATION]: command };
        const metadata = { ...template.metadata, annotations };
        return { ...object, spec: { ...object.spec, template: { ...template, metadata } } };
      });
      if (edited !== text) writeFileSync(path, edited);
    }
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  private paths(): string[] {
    return this.files().map((file) => join(this.dir, file));
  }
}
