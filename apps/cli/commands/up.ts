/** `malha up [DIR]` */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type RunningMesh, up as startMesh } from '../../../lib/local';
import type { Context } from '../io';

interface Options {
  capture: 'auto' | 'transparent' | 'explicit';
  port: number;
  httpsPort: number;
  mesh: boolean;
}

export function up({ io, colors }: Context): Command {
  return new Command('up')
    .argument('[dir]', 'the folder of manifests; nothing else is read', 'manifests')
    .addOption(
      new Option('--capture <way>', 'how traffic gets into sidecars')
        .choices(['auto', 'transparent', 'explicit'])
        .default('auto'),
    )
    .option('--port <port>', 'the local port that leads to port 80 of the gateway; 0 for any', parsePort, 8080)
    .option('--https-port <port>', 'the same for port 443, where a Gateway serves TLS', parsePort, 8443)
    .option('--no-mesh', 'the applications alone, without proxies, to compare with')
    .addHelpText(
      'after',
      `
Starts the control plane, one Envoy for each workload and the gateways, as the manifests declare them. A workload's
annotation malha.dev/run says which command stands for it here; none is for what does not run here; without one an echo
service stands in. Capture is transparent (network namespaces, iptables) where this machine allows it, else explicit.
An edit to a file of the folder reaches the running Envoys. Ctrl-C ends everything and leaves nothing behind.

Examples:
  $ malha up
  $ malha up manifests --port 9000 --capture explicit

Exit codes: 0 ended by Ctrl-C, 2 the mesh could not be started.
`,
    )
    .action(async (dir: string, { capture, port, httpsPort, mesh }: Options) => {
      const interrupted = io.untilInterrupted();
      const say = (line: string) => void io.stderr.write(`${line}\n`);
      const starting = startMesh({ dir, capture, port, httpsPort, mesh, say });
      const running = await Promise.race([starting, interrupted]);
      if (!running) {
        say('stopping before everything has started');
        await starting.then(
          (started) => started.stop(),
          () => undefined,
        );
        return;
      }
      io.stdout.write(describe(running, await consoleOf(running), (text) => colors.bold(text)));
      await interrupted;
      say('stopping');
      await running.stop();
    });
}

/** Where the control plane's pages are; undefined where none runs. */
async function consoleOf({ plan, address }: RunningMesh): Promise<string | undefined> {
  if (!plan.controlPlane) return undefined;
  const { host, port } = await address(plan.controlPlane.pod, plan.controlPlane.httpPort);
  return `http://${host}:${port}`;
}

function describe(mesh: RunningMesh, console: string | undefined, bold: (text: string) => string): string {
  const { pods } = mesh.plan;
  const proxies = pods.filter(({ processes }) => processes.some(({ kind }) => kind === 'proxy'));
  const lines = [`${pods.length} pods are up, ${proxies.length} of them with Envoy ${mesh.envoyVersion}`];
  if (mesh.url) lines.push(`try ${bold(mesh.url)}`);
  if (mesh.httpsUrl) lines.push(`and ${bold(mesh.httpsUrl)}${mesh.caFile ? ` with curl --cacert ${mesh.caFile}` : ''}`);
  if (console) lines.push(`console ${bold(console)}, also for --http of malha tap, graph and proxy-status`);
  lines.push(`logs: ${mesh.directory}`, 'Ctrl-C ends it');
  return `${lines.join('\n')}\n`;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65535) throw new InvalidArgumentError('a port is wanted, 0 to 65535');
  return port;
}
