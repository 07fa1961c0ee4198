/** The project's own source files, as the architecture tests look at them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import ts from 'typescript';

export const ROOT = join(__dirname, '../..');

export interface Source {
  /** From the project's folder: `lib/pilot/route.ts`. */
  readonly path: string;
  readonly text: string;
  /** What it imports: project paths without extension for relative imports, package names otherwise. */
  readonly imports: readonly string[];
}

/** Every TypeScript file below `folder`, in alphabetical order; generated ones are nobody's handwriting. */
export function sources(folder: string): Source[] {
  return filesBelow(folder)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => sourceOf(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** Every file below `folder`, as paths from the project's folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(generated|node_modules)\//.test(path))
    .sort();
}

export function sourceOf(path: string, text: string): Source {
  const imports = ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) =>
      fileName.startsWith('.') ? normalize(join(dirname(path), fileName)) : fileName,
    );
  return { path, text, imports };
}
