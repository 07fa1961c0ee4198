/**
 * Before the tests of test/cluster: a cluster. Either one of our own, or, where `MALHA_TEST_CONTEXT` names a context of
 * the kubeconfig, the user's; then only the tests marked portable run (jest.config.js), in namespaces that they make.
 * `KUBECONFIG` alone is never taken for the wish to have tests run there.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiServer } from './api-server';

declare global {
  var malhaTestCluster: ApiServer | undefined;
}

export default async function setup(): Promise<void> {
  const script = join(__dirname, '../../scripts/setup-cluster');
  if (process.env.MALHA_TEST_CONTEXT) return;
  const bin = execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  globalThis.malhaTestCluster = await ApiServer.start(mkdtempSync(join(tmpdir(), 'malha-cluster-')), bin);
  process.env.MALHA_TEST_KUBECONFIG = globalThis.malhaTestCluster.kubeconfig;
  process.env.MALHA_TEST_CLUSTER = globalThis.malhaTestCluster.folder;
  process.env.MALHA_TEST_KUBECTL = join(bin, 'kubectl');
  process.env.MALHA_TEST_GATEWAY_API = execFileSync(script, ['--gateway-api'], { encoding: 'utf8' }).trim();
}
