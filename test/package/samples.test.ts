/** Every sample in TypeScript of README and docs type-checks against the package as it is built. Needs `npm run build`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '../..');
const DIST = join(ROOT, 'dist/constructs/index.d.ts');

/** What a sample may lean on without saying it: that of the pages before it. */
const GIVEN: Readonly<Record<string, string>> = {
  app: "import('cdk8s').App",
  shop: "import('cdk8s').Chart",
  chart: "import('cdk8s').Chart",
  mesh: "import('malha').Mesh",
  edge: "import('malha').Gateway",
  page: "import('malha').MeshService<'v1'>",
  stock: "import('malha').MeshService<'v1'>",
  details: "import('malha').MeshService<'v1'>",
  reviews: "import('malha').MeshService<'v1' | 'v2'>",
  tenants: "import('malha').Plugin",
  redacted: '(body: Buffer) => Buffer',
};

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts'],
  types: ['node', 'jest'],
  skipLibCheck: true,
  noEmit: true,
};

const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((page) =>
  page.endsWith('.md'),
);
const samples = pages.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].map(({ 1: text }, index) => ({
    name: `${page}, sample ${index + 1}`,
    text: text!,
  })),
);

/** A sample with what it leans on: imports from `malha`, and what pages before it have declared. */
function whole(text: string): string {
  const exported = [...readFileSync(DIST, 'utf8').matchAll(/\b[A-Z]\w+/g)].map(([name]) => name);
  const isFree = (name: string) =>
    new RegExp(`(?<![.'\\w])${name}\\b(?!:)`).test(text) &&
    !new RegExp(`(const|import)\\b[^=;]*\\b${name}\\b`).test(text);
  const imports = [...new Set(exported)].filter(isFree);
  const given = Object.entries(GIVEN).filter(([name]) => isFree(name));
  return [
    `import { ${imports.join(', ')} } from 'malha';`,
    ...given.map(([name, type]) => `declare const ${name}: ${type};`),
    text,
  ].join('\n');
}

/** What the compiler says about files that stand in the package, though on no disk. */
function complaints(files: ReadonlyMap<string, string>): string[] {
  const host = ts.createCompilerHost(OPTIONS);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.getSourceFile = (path, ...rest) =>
    files.has(path) ? ts.createSourceFile(path, files.get(path)!, rest[0]) : getSourceFile(path, ...rest);
  const program = ts.createProgram([...files.keys()], OPTIONS, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
}

const MINUTE = 60_000;

describe('the samples of README and docs', () => {
  const files = new Map(samples.map(({ text }, index) => [join(ROOT, `sample-${index}.mts`), whole(text)]));

  test(
    'type-check, strict',
    () => {
      expect(samples.length).toBeGreaterThan(10);
      const said = complaints(files).map((line) => {
        const index = Number(/sample-(\d+)/.exec(line)?.[1]);
        return line.replace(/^.*?mts/, samples[index]?.name ?? '?');
      });
      expect(said).toEqual([]);
    },
    2 * MINUTE,
  );

  test(
    'are looked at: a version that is not there is a mistake',
    () => {
      const wrong = new Map([[join(ROOT, 'sample-wrong.mts'), whole("reviews.version('v9');\n")]]);
      expect(complaints(wrong)).toEqual([expect.stringMatching(/"v9"' is not assignable/)]);
    },
    2 * MINUTE,
  );
});
