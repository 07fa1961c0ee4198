/** Imports go one way: this file is the arrow of docs/architecture.md. */
import { type Source, sourceOf, sources } from './sources';

const PURE = ['api', 'envoy', 'world', 'galley', 'pilot', 'injector', 'simulator', 'graph', 'plugin'];

/** Which rooms each room may import from, itself aside. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  api: [],
  envoy: [],
  world: ['api', 'envoy'],
  galley: ['api', 'envoy', 'world'],
  pilot: ['api', 'envoy', 'world'],
  injector: ['api', 'envoy', 'world'],
  simulator: ['api', 'envoy', 'world', 'galley', 'pilot', 'injector'],
  graph: ['api', 'envoy', 'world'],
  // What plugins may hand to Galley, to the translator and to the authorizer.
  plugin: ['api', 'envoy', 'world', 'galley', 'pilot'],
  constructs: PURE,
  citadel: PURE,
  discovery: PURE,
  mixer: PURE,
  xds: PURE,
  admission: PURE,
  // A mesh on this machine reads its folder as discovery does, and needs certificates for its gateways.
  local: [...PURE, 'discovery', 'citadel'],
  // What it writes tells of what was discovered, and of what proxies have acknowledged.
  controllers: [...PURE, 'discovery', 'xds'],
  // What the control plane keeps in and publishes to an API server.
  cluster: [...PURE, 'citadel', 'discovery'],
  apps: [...PURE, 'constructs', 'citadel', 'discovery', 'mixer', 'xds', 'admission', 'controllers', 'cluster', 'local'],
};

/** What a computation may take from Node: nothing that reaches outside the process. */
const PURE_NODE_MODULES = ['node:buffer', 'node:crypto', 'node:net', 'node:path', 'node:util'];

/** Packages that talk to a network, a file system or an operator; constructs run in everyone's synthesis without them. */
const EDGE_PACKAGES = ['@grpc/', '@kubernetes/', 'chokidar', 'pino', 'prom-client', 'cli-progress', 'commander'];

/** `lib/pilot/route.ts` is in pilot, `constructs/mesh.ts` in constructs, `apps/cli/main.ts` in apps. */
function roomOf(path: string): string {
  const [top, second] = path.split('/');
  return top === 'lib' ? second! : top!;
}

function wrongImports({ path, imports }: Source): string[] {
  const room = roomOf(path);
  const allowed = MAY_IMPORT[room] ?? [];
  return imports.flatMap((imported) => {
    const problem = imported.includes('/') && /^(lib|constructs|apps|test|scripts)\//.test(imported);
    if (problem) {
      const other = roomOf(imported);
      return other === room || allowed.includes(other)
        ? []
        : [`${path} imports ${imported}: ${room} may not see ${other}`];
    }
    if (imported.startsWith('node:') && PURE.includes(room) && !PURE_NODE_MODULES.includes(imported)) {
      return [`${path} imports ${imported}: ${room} does no I/O`];
    }
    const isEdge = EDGE_PACKAGES.some((name) => imported === name || (name.endsWith('/') && imported.startsWith(name)));
    return isEdge && (PURE.includes(room) || room === 'constructs')
      ? [`${path} imports ${imported}: ${room} has no client`]
      : [];
  });
}

const production = [...sources('lib'), ...sources('constructs'), ...sources('apps')];

describe('imports', () => {
  test('go one way', () => {
    expect(production.flatMap(wrongImports)).toEqual([]);
  });

  test('of production code never reach the tests', () => {
    const reaching = production.filter(({ imports }) => imports.some((imported) => imported.startsWith('test/')));
    expect(reaching.map(({ path }) => path)).toEqual([]);
  });

  test('between programs are wiring: only a program imports a program', () => {
    const outside = production.filter(({ path }) => !path.startsWith('apps/'));
    expect(outside.filter(({ imports }) => imports.some((imported) => imported.startsWith('apps/')))).toEqual([]);
  });

  test.each([
    ['lib/pilot/route.ts', "import { x } from '../xds/server';", 'pilot may not see xds'],
    ['lib/world/world.ts', "export * from '../pilot/route';", 'world may not see pilot'],
    ['constructs/mesh.ts', "const up = require('../lib/local/up');", 'constructs may not see local'],
    ['lib/local/up.ts', "await import('../../apps/cli/run');", 'local may not see apps'],
    ['lib/galley/rule.ts', "import type { Mesh } from '../../constructs/mesh';", 'galley may not see constructs'],
    ['lib/pilot/route.ts', "import { readFileSync } from 'node:fs';", 'pilot does no I/O'],
    ['constructs/mesh.ts', "import * as grpc from '@grpc/grpc-js';", 'constructs has no client'],
  ])('that go the wrong way are seen: %s with %s', (path, text, complaint) => {
    expect(wrongImports(sourceOf(path, text)).join()).toContain(complaint);
  });

  test('know every room', () => {
    const rooms = new Set(production.map(({ path }) => roomOf(path)));
    expect([...rooms].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });
});
