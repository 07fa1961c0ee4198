/** Watches files and folders, and tells of each change all objects there are now. */
import { statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { sameValue } from '../../api/equality';
import { type KubeObject, objectKey } from '../../api/object';
import { originOf, withOrigin } from '../../api/origin';
import type { Finding } from '../../galley/finding';
import { filesAt, isObjectFile, type ReadFiles, readFileAt, withoutDuplicates } from './read';
import type { KnownParts } from './yaml-text';

export interface WatchOptions {
  /** How long further changes are waited for before all are told at once, in milliseconds. Default 10. */
  debounce?: number;
  /**
   * How long a vanished or emptied file may take to come back, as it does when an editor replaces it, in milliseconds. Default
   * 1,000: a busy disk holds a writer up.
   */
  grace?: number;
}

/** A running watch. */
export interface FileWatch {
  /** What was read last. */
  current(): ReadFiles;
  close(): Promise<void>;
}

/**
 * Reads `paths`, tells the result to `onChange`, and again after each change. Objects that say the same as before are the
 * same values as before. A file that does not parse keeps the objects that were last read from it, and adds findings.
 * Resolves once changes are noticed.
 */
export async function watchFiles(
  paths: string | readonly string[],
  onChange: (read: ReadFiles) => void,
  options: WatchOptions = {},
): Promise<FileWatch> {
  const files = new WatchedFiles(typeof paths === 'string' ? [paths] : paths);
  const watcher = watch([...files.roots], {
    ignoreInitial: true,
    atomic: false,
    ignored: (path) => files.ignores(path),
  });
  const rounds = new Rounds(files, onChange, options);
  watcher.on('all', (_event, path) => rounds.note(path));
  // A watcher that fails leaves what was read in force.
  watcher.on('error', () => undefined);
  await ready(watcher);
  files.readAll();
  onChange(files.current());
  return {
    current: () => files.current(),
    close: async () => {
      rounds.stop();
      await watcher.close();
    },
  };
}

function ready(watcher: FSWatcher): Promise<void> {
  return new Promise((done) => watcher.once('ready', done));
}

/**
 * chokidar swallows the changes of a file that follow one it has told within 50 ms, so each file is looked at once more
 * after that time. Without it, the second of two quick edits would be lost until the next.
 */
const SECOND_LOOK = 60;

/** Gathers events into rounds: one round reads every file that was touched and tells of it once. */
class Rounds {
  private readonly touched = new Set<string>();
  private readonly secondLooks = new Map<string, NodeJS.Timeout>();
  private timer: NodeJS.Timeout | undefined;
  private readonly debounce: number;
  private readonly grace: number;

  constructor(
    private readonly files: WatchedFiles,
    private readonly onChange: (read: ReadFiles) => void,
    options: WatchOptions,
  ) {
    this.debounce = options.debounce ?? 10;
    this.grace = options.grace ?? 1_000;
  }

  note(path: string): void {
    if (isObjectFile(path) || this.files.isRoot(path)) {
      this.touch(path);
      clearTimeout(this.secondLooks.get(path));
      this.secondLooks.set(
        path,
        setTimeout(() => {
          this.secondLooks.delete(path);
          this.touch(path);
        }, SECOND_LOOK),
      );
    }
  }

  private touch(path: string): void {
    this.touched.add(path);
    this.timer ??= setTimeout(() => this.run(), this.debounce);
  }

  stop(): void {
    clearTimeout(this.timer);
    for (const timer of this.secondLooks.values()) clearTimeout(timer);
  }

  private run(): void {
    this.timer = undefined;
    const now = Date.now();
    let changed = false;
    let waiting = false;
    for (const path of this.touched) {
      const outcome = this.files.reread(path, now, this.grace);
      changed ||= outcome === 'changed';
      if (outcome === 'waiting') {
        waiting = true;
      } else {
        this.touched.delete(path);
      }
    }
    if (changed) {
      this.onChange(this.files.current());
    }
    if (waiting) {
      this.timer ??= setTimeout(() => this.run(), this.debounce);
    }
  }
}

/** What was read, by file. */
class WatchedFiles {
  readonly roots: readonly string[];
  private readonly byFile = new Map<string, ReadFiles>();
  private readonly knownParts = new Map<string, KnownParts>();
  private readonly missingSince = new Map<string, { since: number; written?: number }>();
  private rootFindings: Finding[] = [];
  private merged: ReadFiles | undefined;

  constructor(roots: readonly string[]) {
    this.roots = roots;
  }

  isRoot(path: string): boolean {
    return this.roots.some((root) => resolve(root) === resolve(path));
  }

  /** Nothing whose name below a root starts with a dot is looked at. */
  ignores(path: string): boolean {
    return this.roots.every((root) =>
      relative(root, path)
        .split('/')
        .some((step) => step.startsWith('.') && step !== '..'),
    );
  }

  readAll(): void {
    this.rootFindings = [];
    for (const file of this.roots.flatMap((root) => filesAt(root, this.rootFindings))) {
      this.byFile.set(file, this.read(file));
    }
    this.merged = undefined;
  }

  private read(file: string): ReadFiles {
    const known = this.knownParts.get(file) ?? new Map();
    this.knownParts.set(file, known);
    return readFileAt(file, { definitions: false, known });
  }

  current(): ReadFiles {
    this.merged ??= this.merge();
    return this.merged;
  }

  private merge(): ReadFiles {
    const results = [...this.byFile].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, read]) => read);
    return withoutDuplicates({
      objects: results.flatMap((read) => read.objects),
      findings: [...this.rootFindings, ...results.flatMap((read) => read.findings)],
    });
  }

  /**
   * Most programs empty a file before they write it, and nothing keeps a reading from falling between the two. So a file
   * in which there is nothing is about to be filled, and one that changes under the reading is read again.
   */
  reread(path: string, now: number, grace: number): 'changed' | 'same' | 'waiting' {
    const before = statSync(path, { throwIfNoEntry: false });
    if (before?.isDirectory()) {
      return 'same';
    }
    if (!before || before.size === 0) {
      return this.vanished(path, before?.mtimeMs, now, grace);
    }
    const previous = this.byFile.get(path);
    const read = this.read(path);
    const after = statSync(path, { throwIfNoEntry: false });
    if (after?.size !== before.size || after.mtimeMs !== before.mtimeMs) {
      this.missingSince.delete(path);
      return 'waiting';
    }
    if (read.findings.length === 0 && this.knownParts.get(path)?.size === 0) {
      return this.vanished(path, before.mtimeMs, now, grace);
    }
    this.missingSince.delete(path);
    const next = kept(previous, read);
    if (previous && sameRead(previous, next)) {
      return 'same';
    }
    this.byFile.set(path, next);
    this.merged = undefined;
    return 'changed';
  }

  /** @param written when the file was emptied. One that was emptied anew was filled between two looks at it, and starts over. */
  private vanished(
    path: string,
    written: number | undefined,
    now: number,
    grace: number,
  ): 'changed' | 'same' | 'waiting' {
    if (!this.byFile.has(path)) {
      return 'same';
    }
    const missing = this.missingSince.get(path);
    if (missing?.written !== written || !missing) {
      this.missingSince.set(path, { since: now, written });
      return 'waiting';
    }
    if (now - missing.since < grace) {
      return 'waiting';
    }
    this.missingSince.delete(path);
    this.byFile.delete(path);
    this.knownParts.delete(path);
    this.merged = undefined;
    return 'changed';
  }
}

/** The next reading of a file: with the previous objects where it does not parse, and with their identity where they are equal. */
function kept(previous: ReadFiles | undefined, next: ReadFiles): ReadFiles {
  if (!previous) {
    return next;
  }
  if (next.findings.length > 0) {
    return { objects: previous.objects, findings: next.findings };
  }
  const before = new Map(previous.objects.map((object) => [objectKey(object), object]));
  return { objects: next.objects.map((object) => sameObject(before.get(objectKey(object)), object)), findings: [] };
}

function sameObject(previous: KubeObject | undefined, next: KubeObject): KubeObject {
  if (!previous || !sameValue(previous, next)) {
    return next;
  }
  const origin = originOf(next);
  return origin ? withOrigin(previous, origin) : previous;
}

function sameRead(a: ReadFiles, b: ReadFiles): boolean {
  const sameObjects =
    a.objects.length === b.objects.length && a.objects.every((object, index) => object === b.objects[index]);
  return sameObjects && sameValue(a.findings, b.findings);
}
