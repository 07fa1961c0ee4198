/** What `npm start` brings up beside the mesh, where it is installed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningPrometheus, startPrometheus } from '../../apps/bookinfo/prometheus';
import { type RunningMesh, up } from '../../lib/local';
import { BookinfoManifests } from '../manifests/bookinfo-manifests';

const MINUTES = 60_000;

describe('npm start', () => {
  const manifests = new BookinfoManifests();
  let mesh: RunningMesh | undefined;
  let prometheus: RunningPrometheus | undefined;

  afterAll(async () => {
    await prometheus?.stop();
    await mesh?.stop();
    manifests.remove();
  }, MINUTES);

  test(
    'brings up a Prometheus that sees the control plane and every proxy, with the rules of the manifests',
    async () => {
      mesh = await up({ dir: manifests.dir, port: 0, httpsPort: 0 });
      prometheus = await startPrometheus(mesh);
      if (!prometheus) throw new Error('no Prometheus here: run scripts/setup');
      const proxies = mesh.plan.pods.filter(({ processes }) => processes.some(({ kind }) => kind === 'proxy'));
      const ask = async (query: string) => {
        const response = await fetch(`${prometheus!.url}/api/v1/query?query=${encodeURIComponent(query)}`);
        const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
        return Number(data.result[0]?.value[1] ?? 0);
      };
      for (let n = 0; n < 150 && (await ask('sum(up)')) < proxies.length + 1; n++) await sleep(200);
      expect(await ask('sum(up{job="malha-proxies"})')).toBe(proxies.length);
      expect(await ask('sum(up{job="malha-control-plane"})')).toBe(1);
      const rules = await (await fetch(`${prometheus.url}/api/v1/rules`)).text();
      expect(rules).toContain('"ConfigurationRejected"');
    },
    2 * MINUTES,
  );
});
