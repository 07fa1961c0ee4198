/** A real Envoy that runs what pilot made, without a control plane. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Snapshot } from '../../lib/envoy/resource';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { withRealCertificates } from '../../lib/local/envoy-validation';
import { staticBootstrap } from '../../lib/local/static-bootstrap';

const START_TIMEOUT_MS = 60_000;

export interface RunningEnvoy {
  stop(): Promise<void>;
}

/** Starts an Envoy and waits until its listeners take connections. */
export async function startStaticEnvoy(snapshot: Snapshot): Promise<RunningEnvoy> {
  const { path } = await findEnvoy();
  const folder = mkdtempSync(join(tmpdir(), 'malha-static-'));
  const config = join(folder, 'bootstrap.json');
  const adminFile = join(folder, 'admin');
  writeFileSync(config, JSON.stringify(staticBootstrap(await withRealCertificates(snapshot))));
  const args = ['-c', config, '--concurrency', '1', '--use-dynamic-base-id', '--admin-address-path', adminFile];
  const envoy = spawn(path, [...args, '--log-level', 'error'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  envoy.stderr.setEncoding('utf8').on('data', (text) => {
    complaints += text;
  });
  const stop = async () => {
    if (envoy.exitCode === null) {
      envoy.kill('SIGKILL');
      await once(envoy, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(envoy, adminFile, () => complaints);
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

async function untilReady(envoy: ChildProcess, adminFile: string, complaints: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (envoy.exitCode !== null) throw new Error(`envoy ended: ${complaints()}`);
    if (existsSync(adminFile) && (await statusOf(`http://${readFileSync(adminFile, 'utf8')}/ready`)) === 200) return;
    await sleep(50);
  }
  throw new Error(`envoy is not ready: ${complaints()}`);
}

function statusOf(url: string): Promise<number> {
  return new Promise((resolve) => {
    httpRequest(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', () => resolve(0))
      .end();
  });
}
