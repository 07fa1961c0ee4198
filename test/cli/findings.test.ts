import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFindings } from '../../apps/cli/findings-report';
import { contextOf, type Io } from '../../apps/cli/io';
import type { Finding } from '../../lib/galley/finding';
import { malha } from './captured-io';

const folder = mkdtempSync(join(tmpdir(), 'malha-findings-'));
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const good = file(
  'good.yaml',
  'apiVersion: v1\nkind: Service\nmetadata: { name: a, namespace: shop }\nspec: { ports: [{ name: http, port: 80 }] }\n',
);
const unknownField = file(
  'unknown-field.yaml',
  `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a, namespace: shop }
spec:
  hosts: [a]
  http:
    - route: [{ destination: { host: a } }]
      timeoutt: 2s
`,
);

describe('malha validate', () => {
  test('finds nothing in what is right, and says how much it looked at', async () => {
    expect(await malha(['validate', good])).toEqual({
      code: 0,
      stdout: '1 object checked: nothing found\n',
      stderr: '',
    });
  });

  test('names file, line, path and object of what is wrong, and ends with 1', async () => {
    const { code, stdout } = await malha(['validate', good, unknownField]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/unknown-field\.yaml:8: error \w+ VirtualService shop\/a: .*timeoutt/);
    expect(stdout).toMatch(/\n2 objects checked: 1 error\n$/);
  });

  test('reads standard input where the file is -, beside files', async () => {
    const stdin =
      'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: { name: g }\nspec: { servers: [], serverz: [] }\n';
    const { code, stdout } = await malha(['validate', good, '-'], { stdin });
    expect(code).toBe(1);
    expect(stdout).toMatch(/<stdin>:4: error IST0106 Gateway g: .*serverz/);
    expect(stdout).toContain('2 objects checked');
  });

  test('prints findings for programs in the order of their discovery', async () => {
    const { code, stdout } = await malha(['validate', unknownField, '-o', 'json']);
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      level: 'error',
      resource: 'VirtualService shop/a',
      file: unknownField,
      line: 8,
    });
    expect(findings[0].code).toMatch(/^(IST|MAL)\d{4}$/);
  });

  test('reads a folder, and ends with 2 for one that is not there', async () => {
    expect((await malha(['validate', folder])).stdout).toContain('unknown-field.yaml:8');
    expect(await malha(['validate', join(folder, 'none')])).toMatchObject({ code: 2, stdout: '' });
  });

  test.each(['validate', 'analyze'])('does not pass when there is nothing to check: %s', async (command) => {
    const empty = mkdtempSync(join(tmpdir(), 'malha-empty-'));
    for (const [path, stdin] of [
      [empty, ''],
      [file('blank.yaml', '# nothing yet\n'), ''],
      ['-', ''],
    ] as const) {
      expect(await malha([command, path], { stdin })).toEqual({
        code: 2,
        stdout: '',
        stderr: `malha: ${path}: nothing to check: no Kubernetes object is there; name files or folders of YAML or JSON\n`,
      });
    }
    expect((await malha([command, empty, good])).code).toBe(0);
  });

  test('without files says how it is used', async () => {
    const { code, stderr } = await malha(['validate']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "malha: missing required argument 'files'\n(malha validate --help explains)\n",
    });
  });
});

describe('malha analyze', () => {
  test('tells what is wrong with an object alone, as that is then no part of the analysis', async () => {
    const { code, stdout } = await malha(['analyze', good, unknownField]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/unknown-field\.yaml:8: error \w+ VirtualService shop\/a: .*timeoutt/);
  });

  const lost = file(
    'lost-route.yaml',
    `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a, namespace: shop }
spec:
  hosts: [a]
  http: [{ route: [{ destination: { host: nowhere } }] }]
`,
  );

  test('finds a route to a host that does not exist', async () => {
    const { code, stdout } = await malha(['analyze', lost, '-o', 'json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).findings).toContainEqual(
      expect.objectContaining({ code: 'IST0101', level: 'error', resource: 'VirtualService shop/a', file: lost }),
    );
  });
});

describe('findings for people', () => {
  const finding = (given: Partial<Finding>): Finding => ({
    code: 'MAL0001',
    level: 'warning',
    analyzer: 'x',
    resource: 'Service shop/a',
    message: 'is odd',
    ...given,
  });

  function written(findings: Finding[], isTTY = false): string {
    let text = '';
    const stdout = { isTTY, write: (part: string) => (text += part) };
    const io = { stdout, stderr: stdout, env: {} } as unknown as Io;
    writeFindings(
      contextOf(io, () => {}),
      findings,
      stdout,
    );
    return text;
  }

  test('are grouped by file and sorted by line, with their fix', () => {
    const text = written([
      finding({ file: 'b.yaml', line: 2 }),
      finding({ file: 'a.yaml', line: 9, path: 'spec.x', fix: 'remove it' }),
      finding({ file: 'a.yaml', line: 1, level: 'error', code: 'IST0101' }),
    ]);
    expect(text).toBe(`a.yaml:1: error IST0101 Service shop/a: is odd
a.yaml:9: warning MAL0001 Service shop/a: is odd
    at spec.x
    fix: remove it

b.yaml:2: warning MAL0001 Service shop/a: is odd

`);
  });

  test('are coloured on a terminal only', () => {
    expect(written([finding({})], true)).toContain('\u001b[33mwarning');
    expect(written([finding({})])).not.toContain('\u001b');
  });

  test('do not steer the terminal with what objects say', () => {
    expect(written([finding({ message: 'a\u001b[2Jb\nc' })])).toContain('a\\x1b[2Jb\\x0ac');
  });
});
