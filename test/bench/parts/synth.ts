/**
 * What synthesis costs: 1,000 services of 8 objects each (Service, ServiceAccount, DestinationRule, VirtualService and
 * four Deployments with sidecars), written to disk with all checks on; against bare cdk8s that is handed the very same
 * objects ready-made. One warm process; the two alternate, so that both meet the same machine.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ApiObject, App, Chart } from 'cdk8s';
import { parseAllDocuments } from 'yaml';
import { Match, Mesh, MeshService, Port, Workload } from '../../../constructs';
import { measured, median, type Part } from '../measurement';

const SERVICES = 1000;
const PER_NAMESPACE = 20;
const VERSIONS = ['v1', 'v2', 'v3', 'v4'];
const ROUNDS = 3;

type Plain = ConstructorParameters<typeof ApiObject>[2];

export const synth: Part = {
  name: 'synth',
  about: '1,000 services × 8 objects to disk, all checks on, against bare cdk8s',
  async run(say) {
    const folder = mkdtempSync(join(tmpdir(), 'malha-bench-'));
    try {
      const [ours, bare] = [join(folder, 'malha'), join(folder, 'bare')];
      say('warming up');
      withMalha(ours);
      const objects = readBack(ours);
      withBareCdk8s(bare, objects);
      const times = { malha: [] as number[], bare: [] as number[] };
      for (let round = 1; round <= ROUNDS; round++) {
        say(`round ${round} of ${ROUNDS}`);
        times.malha.push(seconds(() => withMalha(ours)));
        times.bare.push(seconds(() => withBareCdk8s(bare, objects)));
      }
      const ratios = times.malha.map((time, i) => time / times.bare[i]!);
      const count = [...objects.values()].reduce((sum, { length }) => sum + length, 0);
      return [
        measured('synth', 'objects written', count, 'objects'),
        measured('synth', 'with Malha', median(times.malha), 's'),
        measured('synth', 'with bare cdk8s', median(times.bare), 's'),
        measured('synth', 'ratio to bare cdk8s', median(ratios), '×', 2.0),
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function withMalha(outdir: string): void {
  const app = new App({ outdir });
  const mesh = new Mesh(app, 'mesh');
  let chart: Chart | undefined;
  for (let i = 0; i < SERVICES; i++) {
    if (i % PER_NAMESPACE === 0)
      chart = new Chart(app, `team-${i / PER_NAMESPACE}`, { namespace: `team-${i / PER_NAMESPACE}` });
    const versions = Object.fromEntries(
      VERSIONS.map((version) => [version, Workload.image(`registry.example.com/service-${i}:${version}`)]),
    );
    const service = new MeshService(chart!, `service-${i}`, { mesh, port: Port.http(8080), versions });
    service.addRoute('testers', { match: [Match.header('end-user', 'tester')], to: service.version('v2') });
    service.addRoute('everyone', {
      split: [
        { to: service.version('v1'), weight: 90 },
        { to: service.version('v3'), weight: 10 },
      ],
    });
  }
  app.synth();
}

/** The written objects, by file. */
function readBack(folder: string): Map<string, Plain[]> {
  return new Map(
    readdirSync(folder).map((file) => [
      file.replace(/^\d+-|\.k8s\.yaml$/g, ''),
      parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS()),
    ]),
  );
}

function withBareCdk8s(outdir: string, files: ReadonlyMap<string, readonly Plain[]>): void {
  const app = new App({ outdir });
  for (const [file, objects] of files) {
    const chart = new Chart(app, file);
    objects.forEach((object, i) => {
      new ApiObject(chart, String(i), object);
    });
  }
  app.synth();
}

/** Neither pays for the other's garbage. */
function seconds(work: () => void): number {
  collectGarbage();
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}
