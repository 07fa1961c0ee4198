/**
 * `npm start`: synthesizes Bookinfo, starts its mesh on this machine, proves by requests that it does what the program
 * says, and stays up. `--once` ends after the proof: 0 when every line of it is right, 1 when one is wrong, 2 when there
 * was no proof.
 */
import { once } from 'node:events';
import Table from 'cli-table3';
import { Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { type Capture, type RunningMesh, up } from '../../lib/local';
import { type RunningPrometheus, startPrometheus } from './prometheus';
import { Client, type Line, latencyLines, PAGE_PATH, prove, proveStatus, proveZeroTrust, TESTER } from './proof';
import { synthesize } from './synthesis';

interface Options {
  once?: boolean;
  capture: Capture | 'auto';
  port: number;
}

/** The pod that a client would ask if there were no gateway, and those that the measured page does not use. */
const PAGE_POD = 'productpage-v1.bookinfo';
const UNUSED = ['reviews-v1.bookinfo', 'reviews-v3.bookinfo'];
const APP_PORT = 9080;

const say = (line: string) => void process.stderr.write(`${pc.dim(line)}\n`);

async function main({ once: onlyOnce, capture, port }: Options): Promise<number> {
  // Until everything is up, an end is an end: what was started goes with this process.
  const endAtOnce = () => process.exit(130);
  process.on('SIGINT', endAtOnce).on('SIGTERM', endAtOnce);
  const meshes: RunningMesh[] = [];
  let prometheus: RunningPrometheus | undefined;
  try {
    say('synthesizing by cdk8s.yaml');
    const dir = await synthesize();
    const mesh = await up({ dir, capture, port, say });
    meshes.push(mesh);
    if (!onlyOnce) {
      prometheus = await startPrometheus(mesh);
      if (!prometheus) say('no Prometheus: it is not installed (Debian: apt-get install prometheus)');
    }
    const lines = await proof(mesh, dir, meshes);
    process.stdout.write(`${tableOf(lines)}\n`);
    const wrong = lines.filter(({ ok }) => !ok).length;
    process.stdout.write(
      wrong ? pc.red(`${wrong} of ${lines.length} lines are wrong\n`) : `all ${lines.length} lines are ok\n`,
    );
    if (onlyOnce) return wrong ? 1 : 0;
    process.stdout.write(await invitation(mesh, prometheus));
    process.off('SIGINT', endAtOnce).off('SIGTERM', endAtOnce);
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    say('stopping');
    return 0;
  } finally {
    await prometheus?.stop();
    await Promise.all(meshes.map((mesh) => mesh.stop()));
  }
}

async function proof(mesh: RunningMesh, dir: string, meshes: RunningMesh[]): Promise<Line[]> {
  const { hostname, port } = new URL(mesh.url!);
  const gateway = { host: '127.0.0.1', port: Number(port) };
  const client = new Client(gateway, `${hostname}:${port}`);
  say('sending requests through the gateway');
  const { lines, firstProvenMs } = await prove(mesh, client, hostname);
  lines.push(startLine(firstProvenMs), ...(await proveStatus(mesh)), ...(await proveZeroTrust(mesh)));
  client.close();

  say('starting the same services without the mesh, to compare');
  const bare = await up({ dir, capture: mesh.capture, mesh: false, leaveOut: UNUSED });
  meshes.push(bare);
  const subjects = [
    { name: 'with the mesh', client: new Client(gateway, `${hostname}:${port}`, 1) },
    { name: 'without', client: new Client(await bare.address(PAGE_POD, APP_PORT), hostname, 1) },
  ];
  say('measuring');
  lines.push(...(await latencyLines(subjects, PAGE_PATH, TESTER)));
  for (const subject of subjects) subject.client.close();
  await bare.stop();
  return lines;
}

/** Shown, not judged: how fast this machine is today says nothing about the mesh. `npm run bench -- start` has the goal. */
function startLine(firstProvenMs: number | undefined): Line {
  return {
    what: 'time to the first proven request',
    expected: 'any',
    seen: firstProvenMs === undefined ? 'never' : `${(firstProvenMs / 1000).toFixed(1)} s`,
    ok: firstProvenMs !== undefined,
  };
}

function tableOf(lines: readonly Line[]): string {
  const table = new Table({
    head: ['What', 'Expected', 'Seen', ''],
    style: pc.isColorSupported ? { head: ['bold'], border: ['dim'] } : { head: [], border: [] },
  });
  for (const { what, expected, seen, ok } of lines)
    table.push([what, expected, seen, ok ? pc.green('ok') : pc.red('wrong')]);
  return table.toString();
}

async function invitation(
  { url, directory, plan, address }: RunningMesh,
  prometheus?: RunningPrometheus,
): Promise<string> {
  const { port } = new URL(url!);
  const console = plan.controlPlane && (await address(plan.controlPlane.pod, plan.controlPlane.httpPort));
  const host = new URL(url!).host;
  return [
    '',
    `Bookinfo is at ${pc.bold(`${url}${PAGE_PATH}`)}, for curl (older ones do not know *.localhost):`,
    `  curl -H 'Host: ${host}' http://127.0.0.1:${port}${PAGE_PATH}`,
    `  curl -H 'Host: ${host}' -H 'end-user: jason' http://127.0.0.1:${port}${PAGE_PATH}`,
    ...(console ? [`Console: ${pc.bold(`http://${console.host}:${console.port}`)}`] : []),
    prometheus ? `Prometheus: ${pc.bold(prometheus.url)}` : 'Prometheus: not installed',
    `Logs: ${directory}/logs. An edit to a file in manifests/ reaches the running Envoys. Ctrl-C ends it.`,
    '',
  ].join('\n');
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65535) throw new InvalidArgumentError('a port is wanted, 0 to 65535');
  return port;
}

new Command('npm start --')
  .option('--once', 'end after the proof; the exit code says whether it held')
  .addOption(
    new Option('--capture <way>', 'how traffic gets into sidecars')
      .choices(['auto', 'transparent', 'explicit'])
      .default('auto'),
  )
  .option('--port <port>', 'the local port of the gateway; 0 for any', parsePort, 8080)
  .action(async (options: Options) => {
    try {
      process.exitCode = await main(options);
    } catch (error) {
      process.stderr.write(`malha: ${(error as Error).message}\n`);
      process.exitCode = 2;
    }
  })
  .parseAsync();
