/** The cluster that these tests run against: our own, or the one of `MALHA_TEST_CONTEXT`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { customResourceDefinition, kinds } from '../../lib/api';
import type { KubeObject } from '../../lib/api/object';
import { isDerived, listed, servedResources } from '../../lib/cluster/belongings';
import { type ClientOptions, KubeClient } from '../../lib/discovery/kubernetes/client';

/** How a client finds it. */
export const clusterOptions: ClientOptions = {
  kubeconfig: process.env.MALHA_TEST_KUBECONFIG,
  context: process.env.MALHA_TEST_CONTEXT,
};

export const connect = (): Promise<KubeClient> => KubeClient.load(clusterOptions);

/** Runs kubectl against the cluster. */
export function kubectl(args: readonly string[], input?: string): { code: number | null; out: string; errors: string } {
  const { kubeconfig, context } = clusterOptions;
  const where = [...(kubeconfig ? ['--kubeconfig', kubeconfig] : []), ...(context ? ['--context', context] : [])];
  const program = process.env.MALHA_TEST_KUBECTL ?? 'kubectl';
  const { status, stdout, stderr } = spawnSync(program, [...where, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { code: status, out: stdout, errors: stderr };
}

/** Asks until `condition` holds; fails after `seconds` with what came last. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  condition: (value: T) => boolean,
  seconds = 20,
): Promise<T> {
  const late = Date.now() + seconds * 1000;
  for (;;) {
    const value = await ask();
    if (condition(value)) return value;
    if (Date.now() > late) throw new Error(`not so after ${seconds} s: ${JSON.stringify(value)?.slice(0, 2000)}`);
    await sleep(20);
  }
}

/** Of all objects that somebody made, by name; what goes with them and what only tells of them is left out. */
export async function everything(client: KubeClient): Promise<string[]> {
  const { resources } = await servedResources(client);
  const objects = await listed(client, resources);
  return objects
    .filter(({ object }) => !isDerived(object))
    .map(({ path }) => path)
    .sort();
}

/** A Namespace of its own for a test file. */
export async function makeNamespace(
  client: KubeClient,
  name: string,
  labels?: Record<string, string>,
): Promise<string> {
  const metadata = { generateName: `${name}-`, labels };
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata };
  return (await client.request<KubeObject>('POST', '/api/v1/namespaces', { body })).metadata.name;
}

/** The mesh's CustomResourceDefinitions, and nothing else; done when they are established. */
export function installKinds(): void {
  const items = kinds.map(customResourceDefinition);
  establish('-', JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

/** The definitions of the Gateway API, as its project publishes them. */
export function installGatewayApi(): void {
  establish(process.env.MALHA_TEST_GATEWAY_API!);
}

function establish(files: string, input?: string): void {
  for (const args of [
    ['apply', '--server-side', '--force-conflicts', '-f', files],
    ['wait', '--for=condition=Established', '--timeout=60s', '-f', files],
  ]) {
    const { code, errors } = kubectl(args, input);
    if (code !== 0) throw new Error(errors);
  }
}

/** Applies objects written as YAML. */
export function apply(yaml: string): void {
  const { code, errors } = kubectl(['apply', '--server-side', '-f', '-'], yaml);
  if (code !== 0) throw new Error(errors);
}

/** A kubeconfig with which one is a ServiceAccount, and may do what that may. */
export async function kubeconfigOf(client: KubeClient, namespace: string, account: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const { status } = await client.request<KubeObject & { status: { token: string } }>('POST', path, { body });
  const config = JSON.parse(readFileSync(clusterOptions.kubeconfig!, 'utf8')) as { users: { user: object }[] };
  config.users[0]!.user = { token: status.token };
  const file = join(mkdtempSync(join(tmpdir(), 'malha-account-')), 'kubeconfig');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
