/** The package as a user gets it: packed, installed into an empty folder, type-checked and run. Needs `npm run build`. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const MINUTES = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'malha-package-'));
const home = join(folder, 'user');
let files: string[] = [];

/** The first mesh of the README, word for word: what it claims is what a user gets. */
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const FIRST_MESH = /## Your first mesh\n\n```ts\n(.*?)```/s.exec(README)![1]!;

/** The same program for a file that is not a module. */
function asCommonJs(program: string): string {
  return program.replace(/^import (\{.*\}) from ('.*');$/gm, 'const $1 = require($2);');
}

function run(command: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`);
  }
}

beforeAll(() => {
  expect(existsSync(join(ROOT, 'dist/constructs/index.js'))).toBe(true);
  const [packed] = JSON.parse(run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], ROOT));
  files = packed.files.map(({ path }: { path: string }) => path);
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'user', private: true }));
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  run('npm', [...install, join(folder, packed.filename), 'cdk8s@2', 'constructs@10'], home);
}, 5 * MINUTES);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package', () => {
  test('holds what runs, and neither tests nor sources', () => {
    expect(files).toEqual(
      expect.arrayContaining(['package.json', 'dist/constructs/index.js', 'dist/apps/cli/main.js']),
    );
    expect(files.filter((path) => /(^|\/)test\/|\.test\.|(?<!\.d)\.ts$|\.tsbuildinfo$/.test(path))).toEqual([]);
  });

  test(
    'type-checks, strict, with every declaration looked at',
    () => {
      const options = {
        strict: true,
        module: 'node16',
        moduleResolution: 'node16',
        target: 'es2022',
        noEmit: true,
        types: [],
      };
      const typed =
        "import { ServiceEntry } from 'malha/istio';\n" +
        "new ServiceEntry(shop, 'bank', { spec: { hosts: ['bank.example'], resolution: 'DNS' } });\n";
      writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['typed.ts'] }));
      writeFileSync(join(home, 'typed.ts'), `${FIRST_MESH}${typed}`);
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      expect(run(process.execPath, [tsc, '-p', '.'], home)).toBe('');
      // A mistake is seen: the types are really there.
      writeFileSync(join(home, 'typed.ts'), `${FIRST_MESH}reviews.version('v9');\n`);
      expect(() => run(process.execPath, [tsc, '-p', '.'], home)).toThrow(/"v9"' is not assignable/);
    },
    5 * MINUTES,
  );

  test.each([
    ['CommonJS', 'mesh.cjs', asCommonJs(FIRST_MESH)],
    ['ESM', 'mesh.mjs', FIRST_MESH],
  ])(
    'synthesizes the first mesh of the README from %s',
    (_, file, program) => {
      writeFileSync(join(home, file), program);
      rmSync(join(home, 'dist'), { recursive: true, force: true });
      run(process.execPath, [file], home);
      expect(readdirSync(join(home, 'dist'))).toEqual([
        '0000-mesh-crds.k8s.yaml',
        '0001-mesh-namespaces.k8s.yaml',
        '0002-mesh-system.k8s.yaml',
        '0003-mesh-policy.k8s.yaml',
        '0004-shop.k8s.yaml',
      ]);
      const written = readFileSync(join(home, 'dist/0004-shop.k8s.yaml'), 'utf8');
      expect(written).toContain('kind: VirtualService');
      expect(written).toContain('name: istio-proxy');
    },
    MINUTES,
  );
});
