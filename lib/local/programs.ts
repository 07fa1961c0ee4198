/** Where this package's own programs are: beside this file once built, in dist/ when it runs from source (tests). */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * The command line of a compiled program of this package.
 * @param path as in the sources, with `.js`: `lib/local/echo.js`.
 * @throws when it has not been built.
 */
export function programOf(path: string): string[] {
  const root = resolve(__dirname, '..', '..');
  const built = __filename.endsWith('.ts') ? join(root, 'dist') : root;
  const file = join(built, path);
  if (!existsSync(file)) throw new Error(`${file} does not exist: run npm run build first`);
  return [process.execPath, file];
}
