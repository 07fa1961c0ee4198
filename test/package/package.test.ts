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
    // A new plugin begins with a test of its own.
    const own = files.filter((path) => !path.startsWith('templates/'));
    expect(own.filter((path) => /(^|\/)test\/|\.test\.|(?<!\.d)\.ts$|\.tsbuildinfo$/.test(path))).toEqual([]);
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

/** One of each kind, as packages of their own in plugins/. */
const PLUGINS = ['quota', 'timeouts', 'keepalive', 'tenants', 'tenant-tag'].map((name) => `malha-plugin-${name}`);

describe('a plugin', () => {
  beforeAll(() => {
    const tarballs = PLUGINS.map((name) => {
      const [packed] = JSON.parse(
        run('npm', ['pack', '--json', '--pack-destination', folder], join(ROOT, 'plugins', name)),
      );
      return join(folder, packed.filename);
    });
    run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs], home);
  }, MINUTES);

  const node = (program: string) => {
    writeFileSync(join(home, 'asked.cjs'), `${program}\n`);
    return JSON.parse(run(process.execPath, ['asked.cjs'], home));
  };
  const ask = (plugin: string, question: string) =>
    node(`const { PluginTest } = require('malha/plugin/testing');
const plugin = new PluginTest(require('${plugin}'));
Promise.resolve(${question}).then((answer) => console.log(JSON.stringify(answer)));`);
  const malha = (...args: string[]) =>
    run(process.execPath, [join(home, 'node_modules/malha/dist/apps/cli/main.js'), ...args], home);

  test('with a construct writes its objects', () => {
    expect(ask('malha-plugin-quota', 'plugin.objects()')).toMatchObject([
      { kind: 'ResourceQuota', metadata: { name: 'mesh', namespace: 'malha-system' } },
    ]);
  });

  test('with a rule judges manifests on the command line', () => {
    const manifest = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a, namespace: b }
spec: { hosts: [a.example], http: [{ route: [{ destination: { host: a.example } }] }] }
`;
    writeFileSync(join(home, 'manifest.yaml'), manifest);
    expect(malha('validate', 'manifest.yaml')).toContain('nothing found');
    expect(() => malha('validate', 'manifest.yaml', '--plugin', 'malha-plugin-timeouts')).toThrow(
      /the route has no timeout/,
    );
  });

  test('with a patch changes what a proxy gets', () => {
    writeFileSync(
      join(home, 'service.yaml'),
      `apiVersion: v1
kind: Service
metadata: { name: a, namespace: b }
spec: { selector: { app: a }, ports: [{ name: http, port: 80 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: a, namespace: b }
spec:
  selector: { matchLabels: { app: a } }
  template: { metadata: { labels: { app: a } }, spec: { containers: [{ name: main, image: a }] } }
`,
    );
    const config = (...args: string[]) =>
      malha('proxy-config', 'service.yaml', '--proxy', 'a.b', '-o', 'json', ...args);
    expect(config()).not.toContain('keepalive_probes');
    expect(config('--plugin', 'malha-plugin-keepalive')).toContain('"keepalive_probes": 3');
  });

  test('with a check decides', () => {
    const caller = (namespace: string) =>
      `caller: { trustDomain: 'c', namespace: '${namespace}', serviceAccount: 'a' }`;
    const decision = (request: string) => ask('malha-plugin-tenants', `plugin.decision({ ${request} })`);
    const red = "headers: { 'x-tenant': 'red', 'x-other': 'unseen' }";
    expect(decision(`${caller('tenant-red')}, ${red}`)).toEqual({
      outcome: 'allowed',
      headers: { 'x-tenant-verified': 'red' },
    });
    expect(decision(`${caller('tenant-blue')}, ${red}`)).toMatchObject({ outcome: 'denied', status: 403 });
    expect(decision(red)).toMatchObject({ outcome: 'denied', reason: 'the caller has not proven who it is' });
    expect(malha('plugin', 'show', 'malha-plugin-tenants')).toContain('x-tenant-verified');
  });

  test('with a tag is on the metrics of a mesh, declared in a program', () => {
    const program = `import { App } from 'cdk8s';
import { Mesh } from 'malha';
import tag from 'malha-plugin-tenant-tag';
const app = new App();
new Mesh(app, 'mesh').use(tag);
console.log(JSON.stringify(app.synthYaml()));
`;
    writeFileSync(join(home, 'tagged.mjs'), program);
    const yaml = JSON.parse(run(process.execPath, ['tagged.mjs'], home));
    expect(yaml).toContain("value: request.headers['x-tenant-verified']");
  });

  test(
    'begins with the template, whose own tests pass',
    () => {
      malha('plugin', 'new', 'my-plugin');
      expect(run(process.execPath, ['--test'], join(home, 'my-plugin'))).toMatch(/pass 2\b/);
    },
    MINUTES,
  );
});
