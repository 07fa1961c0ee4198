import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'cdk8s';
import { parseAllDocuments } from 'yaml';
import { bookinfo } from '../../apps/bookinfo/mesh';
import type { KubeObject } from '../../lib/api/object';
import { yamlSnapshot } from '../yaml-snapshot';

expect.addSnapshotSerializer(yamlSnapshot);

/** Bookinfo as files, by name. */
function written(): Map<string, string> {
  const outdir = mkdtempSync(join(tmpdir(), 'malha-bookinfo-'));
  try {
    const app = new App({ outdir });
    bookinfo(app);
    app.synth();
    return new Map(readdirSync(outdir).map((file) => [file, readFileSync(join(outdir, file), 'utf8')]));
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

const files = written();
const objectsOf = (file: string): KubeObject[] =>
  parseAllDocuments(files.get(file) ?? '').map((document) => document.toJS() as KubeObject);
const objects = [...files.keys()].flatMap(objectsOf);
const title = ({ kind, metadata }: KubeObject) =>
  `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`;

describe("Bookinfo's manifests", () => {
  test('are five files in the order in which they are applied', () => {
    expect([...files.keys()]).toEqual([
      '0000-mesh-crds.k8s.yaml',
      '0001-mesh-namespaces.k8s.yaml',
      '0002-mesh-system.k8s.yaml',
      '0003-mesh-policy.k8s.yaml',
      '0004-bookinfo.k8s.yaml',
    ]);
  });

  test('have the CRDs in the first file, alone, and nowhere else', () => {
    const kindsOf = (file: string) => new Set(objectsOf(file).map(({ kind }) => kind));
    const [first, ...others] = [...files.keys()];
    expect(kindsOf(first!)).toEqual(new Set(['CustomResourceDefinition']));
    expect(others.flatMap((file) => [...kindsOf(file)])).not.toContain('CustomResourceDefinition');
  });

  test('name each object once', () => {
    expect(new Set(objects.map(title)).size).toBe(objects.length);
  });

  test('are the same bytes each time', () => {
    expect(written()).toEqual(files);
  });

  test('hold no null, no undefined and no time', () => {
    const text = [...files.values()].join('\n');
    expect(text).not.toMatch(/: (null|undefined)$/m);
    expect(text).not.toMatch(/\b20\d\d-\d\d-\d\d\b/);
  });

  test.each(objects.map((object) => [title(object), object] as const))('%s', (_, object) => {
    expect(object).toMatchSnapshot();
  });
});
