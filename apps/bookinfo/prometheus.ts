/** A real Prometheus beside the mesh on this machine, with the configuration and rules that the manifests have. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import type { ConfigMap } from '../../lib/api/kubernetes';
import type { RunningMesh } from '../../lib/local';
import { thisMachine } from '../../lib/local/capture';

export interface RunningPrometheus {
  readonly url: string;
  stop(): Promise<void>;
}

const CONFIG_MAP = 'prometheus-config';
const PORT = 19090;
const PATIENCE_MILLISECONDS = 20_000;
/** In a cluster it is 15 s; here somebody waits for the first point. */
const INTERVAL = '5s';

interface Configuration {
  global: object;
  scrape_configs: {
    static_configs?: { targets: string[] }[];
    http_sd_configs?: { url: string; refresh_interval: string }[];
  }[];
}

/** Undefined where no Prometheus is installed, or the manifests have none. @throws when it does not come up. */
export async function startPrometheus(mesh: RunningMesh): Promise<RunningPrometheus | undefined> {
  const map = mesh.objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === CONFIG_MAP);
  if (!map || !mesh.plan.controlPlane || !(await thisMachine.hasProgram('prometheus'))) return undefined;
  const { address, httpPort } = mesh.plan.controlPlane;
  const folder = join(mesh.directory, 'prometheus');
  await mkdir(folder);
  const { data = {} } = map as ConfigMap;
  for (const [file, text] of Object.entries(data)) {
    await writeFile(join(folder, file), file === 'prometheus.yml' ? here(text, `${address}:${httpPort}`) : text);
  }
  const options = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${PORT}`,
  ];
  const [program, ...args] = [...mesh.enter, 'prometheus', ...options];
  const log = openSync(join(mesh.directory, 'logs', 'prometheus.log'), 'w');
  const child = spawn(program!, args, { stdio: ['ignore', log, log] });
  const ended = once(child, 'exit');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill();
    await ended;
  };
  const { host, port } = await mesh.beside(PORT);
  const url = `http://${host}:${port}`;
  for (const deadline = Date.now() + PATIENCE_MILLISECONDS; ; await sleep(100)) {
    if (await isReady(url)) return { url, stop };
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`Prometheus does not come up; ${join(mesh.directory, 'logs', 'prometheus.log')} says why`);
    }
  }
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  return response?.ok ?? false;
}

/** Nobody here knows the names of Services. */
function here(text: string, controlPlane: string): string {
  const { scrape_configs, ...others } = parse(text) as Configuration;
  return stringify({
    ...others,
    global: { ...others.global, scrape_interval: INTERVAL, evaluation_interval: INTERVAL },
    scrape_configs: scrape_configs.map(({ static_configs, http_sd_configs, ...job }) => ({
      ...job,
      ...(static_configs && { static_configs: [{ targets: [controlPlane] }] }),
      ...(http_sd_configs && {
        http_sd_configs: [{ url: `http://${controlPlane}/sd/targets`, refresh_interval: INTERVAL }],
      }),
    })),
  });
}
