/** A real Envoy by the bootstrap that injection writes, with the places of this machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrap, IDENTITY_DIRECTORY, type ProxyIdentity, secretFiles } from '../../lib/injector';
import { findEnvoy } from '../../lib/local/envoy-binary';

/** The name of the control plane's certificate. */
export const CONTROL_PLANE_HOST = 'malha-control-plane.malha-system.svc.cluster.local';

export interface InjectedEnvoyOptions {
  readonly identity: ProxyIdentity;
  readonly nodeId: string;
  /** Takes the place of the identity's volume. */
  readonly directory: string;
  /** Of the control plane, on loopback. */
  readonly controlPlanePort: number;
  /** In place of those for readiness and metrics. Default: none. */
  readonly listeners?: readonly object[];
}

export class InjectedEnvoy {
  /** What it has complained of. */
  log = '';

  private constructor(private readonly process: ChildProcess) {
    process.stderr!.on('data', (part) => {
      this.log += part;
    });
  }

  static async start(options: InjectedEnvoyOptions): Promise<InjectedEnvoy> {
    const { identity, nodeId, directory, controlPlanePort, listeners = [] } = options;
    const written = JSON.stringify(
      bootstrap({ controlPlane: `${CONTROL_PLANE_HOST}:${controlPlanePort}`, identity, capture: 'REDIRECT' }),
    );
    for (const [name, text] of Object.entries(secretFiles(identity, directory))) {
      await writeFile(join(directory, name), text);
    }
    const config = JSON.parse(written.replaceAll(IDENTITY_DIRECTORY, directory));
    const [controlPlane] = config.static_resources.clusters;
    if (controlPlane.name !== 'xds-grpc') throw new Error('the first cluster of the bootstrap is not xds-grpc');
    controlPlane.type = 'STATIC';
    controlPlane.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address = {
      socket_address: { address: '127.0.0.1', port_value: controlPlanePort },
    };
    config.static_resources.listeners = listeners;
    delete config.admin;
    const args = ['--config-yaml', JSON.stringify(config), '--use-dynamic-base-id', '--concurrency', '1'];
    const node = ['--service-node', nodeId, '--service-cluster', 'test'];
    const { path } = await findEnvoy();
    return new InjectedEnvoy(spawn(path, [...args, '-l', 'warning', ...node], { stdio: ['ignore', 'ignore', 'pipe'] }));
  }

  async stop(): Promise<void> {
    const exited = once(this.process, 'exit');
    if (this.process.exitCode === null && this.process.kill('SIGKILL')) await exited;
  }
}
