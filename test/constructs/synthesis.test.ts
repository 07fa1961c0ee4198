import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiObject, App, Chart, Yaml } from 'cdk8s';
import { Mesh, MeshService, Port } from '../../constructs';
import { VirtualService, WorkloadGroup } from '../../constructs/istio';
import { Program } from './program';

const port = Port.http(80);
const machines = { apiVersion: 'networking.istio.io/v1', kind: 'WorkloadGroup', spec: { template: {} } };

/** What synthesis wrote to standard error. */
function warningsOf(program: Program): string {
  const written: string[] = [];
  const spy = jest.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  try {
    program.app.synthYaml();
  } finally {
    spy.mockRestore();
  }
  return written.join('');
}

describe('synthesis', () => {
  test('finds an unknown field in an object written by hand, and says where it was written', () => {
    const program = new Program();
    new ApiObject(program.shop, 'raw', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'raw' },
      spec: { hosts: ['a.example.com'], htp: [] },
    });
    expect(program.complaint).toContain('error IST0106 shop/raw (VirtualService shop/raw, spec.htp)');
  });

  test('finds a typed object that refers to what is not there', () => {
    const program = new Program();
    const web = new MeshService(program.shop, 'web', { mesh: program.mesh, port, image: 'web:1' });
    new VirtualService(program.shop, 'typed', {
      spec: { hosts: [web.host], http: [{ route: [{ destination: { host: web.host, subset: 'v9' } }] }] },
    });
    expect(program.complaint).toMatch(/error IST0101 shop\/typed .*spec\.http\[0\]\.route\[0\]\.destination\.subset/);
  });

  test('warns of a field without effect that was written by hand', () => {
    const program = new Program();
    new WorkloadGroup(program.shop, 'machines', { metadata: { name: 'machines' }, spec: machines.spec });
    expect(warningsOf(program)).toContain('warning MAL0001 shop/machines (WorkloadGroup shop/machines, kind)');
  });

  test('refuses a field without effect that our own constructs wrote', () => {
    const program = new Program();
    const web = new MeshService(program.shop, 'web', { mesh: program.mesh, port, image: 'web:1' });
    new ApiObject(web, 'machines', { ...machines, metadata: { name: 'machines' } });
    expect(program.complaint).toContain('error MAL0001 shop/web/machines');
  });

  test('says nothing of a mesh that is right', () => {
    const program = new Program();
    new MeshService(program.shop, 'web', { mesh: program.mesh, port, image: 'web:1' });
    expect(warningsOf(program)).toBe('');
  });

  test('writes nothing of a mesh that is wrong', () => {
    const outdir = mkdtempSync(join(tmpdir(), 'malha-wrong-'));
    const app = new App({ outdir });
    const mesh = new Mesh(app, 'mesh');
    const chart = new Chart(app, 'shop', { namespace: 'shop' });
    new MeshService(chart, 'web', { mesh, port, image: 'web:1' }).addRoute('nowhere', {});
    expect(() => app.synth()).toThrow('MAL0101');
    expect(readdirSync(outdir)).toEqual([]);
    rmSync(outdir, { recursive: true });
  });

  test('sees what changed between two runs', () => {
    const program = new Program();
    const object = new ApiObject(program.shop, 'settings', { apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } });
    const before = program.app.synthYaml();
    object.metadata.addLabel('team', 'red');
    const after = program.app.synthYaml();
    expect(before).not.toContain('team: red');
    expect(after).toContain('team: red');
  });

  test('writes in one run what the charts give one by one, in the same order', () => {
    const program = new Program();
    const late = new ApiObject(program.shop, 'late', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'late' },
    });
    const web = new MeshService(program.shop, 'web', { mesh: program.mesh, port, image: 'web:1' });
    late.addDependency(web);
    const inOneRun = program.app.synthYaml();
    // Who wrote a policy is said in manifests alone.
    const writers = /^ {2}annotations:\n {4}malha\.dev\/construct: .*\n/gm;
    expect(inOneRun.match(writers)).not.toBeNull();
    expect(inOneRun.replace(writers, '')).toBe(Yaml.stringify(...program.objects));
    expect(inOneRun.indexOf('name: late')).toBeGreaterThan(inOneRun.indexOf('kind: DestinationRule\nmetadata'));
  });
});
