/** All that the console is made of, by path. Each file is read when it is first asked for; nothing of it depends on who asks. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { consolePage } from './page';
import { STYLE } from './style';

export interface Asset {
  readonly type: string;
  body(): string | Buffer;
}

/** The compiled files of browser/. */
export const MODULES = [
  'main',
  'configuration',
  'details',
  'element',
  'format',
  'graph-view',
  'layout',
  'model',
  'replica-words',
  'tables',
];

const SCRIPT_TYPE = 'text/javascript; charset=utf-8';

/**
 * What every answer to a browser says: scripts, styles and data come from here alone, and nobody may put the page into theirs.
 * https://www.w3.org/TR/CSP3/
 */
export const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

export function consoleAssets(): Readonly<Record<string, Asset>> {
  // Modules name each other without an extension, as their sources do.
  const modules = MODULES.map(
    (name) => [`/console/${name}`, script(() => join(scriptsFolder(), `${name}.js`))] as const,
  );
  return {
    '/': { type: 'text/html; charset=utf-8', body: consolePage },
    '/console/style.css': { type: 'text/css; charset=utf-8', body: () => STYLE },
    '/console/dagre.js': script(() => join(dirname(require.resolve('@dagrejs/dagre')), 'dagre.min.js')),
    ...Object.fromEntries(modules),
  };
}

function script(file: () => string): Asset {
  let read: Buffer | undefined;
  return {
    type: SCRIPT_TYPE,
    body() {
      read ??= readFileSync(file());
      return read;
    },
  };
}

/** Beside this package's programs: in dist/ once built, also for tests that run from source. @throws when it is not built. */
function scriptsFolder(): string {
  const root = resolve(__dirname, '..', '..');
  const folder = join(__filename.endsWith('.ts') ? join(root, 'dist') : root, 'console');
  if (!existsSync(folder)) throw new Error(`${folder} does not exist: run npm run build first`);
  return folder;
}
