/** A whole mesh on this machine: reads a folder of manifests, starts what they declare, and lets requests in. */
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { KubeObject } from '../api/object';
import { readFiles } from '../discovery/files';
import { complete, DEFAULT_RANGES } from '../world';
import { type CaptureChoice, chooseCapture, thisMachine } from './capture';
import { writeDevelopmentSecrets } from './development-secrets';
import { Doorway } from './doorway-client';
import { findEnvoy } from './envoy-binary';
import { gatewayHost } from './gateway-host';
import { IdentityFolder } from './identity-folder';
import { claimRanges } from './loopback-ranges';
import { Namespaces } from './namespaces';
import { type MeshPlan, planMesh } from './plan';
import type { Capture } from './pod-plan';
import { type ExecResult, Pods } from './pods';
import { podsHere } from './pods-here';
import { programOf } from './programs';
import { createRunDirectory } from './run-directory';

export interface UpOptions {
  /** The folder of manifests; nothing else is read. */
  dir: string;
  /** Default `auto`: transparent where this machine allows it. */
  capture?: Capture | 'auto';
  /** The port of 127.0.0.1 that leads to port 80 of the gateway; 0 for any. Default 8080. */
  port?: number;
  /** The same for port 443, where a Gateway serves TLS. Default 8443. */
  httpsPort?: number;
  /** False: the applications alone, without proxies, to compare with. Default true. */
  mesh?: boolean;
  /** Ids (`NAME.NAMESPACE`) of pods that are not run. Default: none. */
  leaveOut?: readonly string[];
  /** How long everything may take to get ready. Default 60,000. */
  timeoutMs?: number;
  /** Told, in lines for people, what happens. Default: nobody. */
  say?(line: string): void;
}

export interface RunningMesh {
  readonly plan: MeshPlan;
  /** What was read, completed: what the control plane makes its World of. */
  readonly objects: readonly KubeObject[];
  readonly capture: Capture;
  /** Why this way of capture. */
  readonly reason: string;
  /** The version of Envoy, as it says itself. */
  readonly envoyVersion: string;
  /** Logs and generated files of this run; gone after `stop`. */
  readonly directory: string;
  /** Where the gateway answers; undefined without one. */
  readonly url?: string;
  readonly httpsUrl?: string;
  /** What a client has to trust when certificates were made for this run. */
  readonly caFile?: string;
  /**
   * A local address that leads to a port of a pod, as one of its peers would reach it.
   * @param pod `NAME.NAMESPACE`.
   */
  address(pod: string, port: number): Promise<{ host: string; port: number }>;
  /** A local address that leads to a port beside the pods, of a program that runs by `enter`. */
  beside(port: number): Promise<{ host: string; port: number }>;
  /** Runs a command in a pod's network, as its application would. */
  exec(pod: string, command: readonly string[], timeoutMs?: number): Promise<ExecResult>;
  /** The command prefix that runs a command beside the pods, where the bridge between them is. Empty in explicit capture. */
  readonly enter: readonly string[];
  /** Sends a signal to a process of a pod: `istio-proxy`, or the application's container. It is started again. */
  kill(pod: string, process: string, signal: NodeJS.Signals): void;
  /** Ends everything and removes what was made. Can be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts the mesh, and returns when every proxy is configured and every application listens.
 * @throws when it cannot; what was started is gone then, logs stay in the folder that the message names.
 */
export async function up(options: UpOptions): Promise<RunningMesh> {
  const deadline = Date.now() + (options.timeoutMs ?? 60_000);
  const say = options.say ?? (() => {});
  const dir = resolve(options.dir);
  const given = objectsIn(dir);
  const [envoy, choice] = await Promise.all([findEnvoy(), chooseCapture(options.capture ?? 'auto')]);
  say(`envoy ${envoy.version} (${envoy.source}), ${choice.capture} capture: ${choice.reason}`);

  const directory = await createRunDirectory();
  const cleanups: (() => unknown)[] = [];
  let stopped: Promise<void> | undefined;
  const cleanUp = async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  };
  try {
    const ranges = await rangesFor(choice, cleanups);
    const objects = podsHere(complete(given, ranges));
    const secrets = await writeDevelopmentSecrets(objects, directory);
    if (secrets) say(`made development certificates for ${secrets.secrets.join(', ')}; trust ${secrets.caFile}`);
    const transparent = choice.capture === 'transparent';
    const plan = planMesh(objects, {
      capture: choice.capture,
      ranges,
      dir,
      runDir: directory,
      extraDir: secrets?.directory,
      malha: programOf('apps/cli/main.js'),
      echo: programOf('lib/local/echo.js'),
      envoy: transparent ? Namespaces.envoyIn(directory) : envoy.path,
      mesh: options.mesh,
      leaveOut: options.leaveOut,
    });
    for (const { id, reason } of plan.notRun) say(`${id} is not run here: ${reason}`);

    const logs = join(directory, 'logs');
    await mkdir(logs);
    const { userNamespace } = choice;
    const namespaces = transparent
      ? await Namespaces.create(plan, { userNamespace, directory, envoy: envoy.path })
      : undefined;
    cleanups.push(() => namespaces?.close());
    const doorway = await Doorway.open(namespaces?.enterMesh() ?? []);
    cleanups.push(() => doorway.close());
    // Taken first, so that a port in use is known before anything is started.
    const urls = await openGateways(plan, doorway, objects, options);

    const identities = plan.controlPlane && (await identitiesOf(plan, directory, namespaces));
    cleanups.push(() => identities?.close());
    const setpriv = await thisMachine.hasProgram('setpriv');
    const pods = new Pods({ plan, directory: logs, namespaces, doorway, setpriv, onDeath: say });
    cleanups.push(() => pods.stop());
    pods.start(({ kind }) => kind !== 'proxy');
    await pods.controlPlaneReady(deadline);
    await identities?.writeRoots();
    pods.start(({ kind }) => kind === 'proxy');
    await pods.ready(deadline);

    return {
      plan,
      objects,
      capture: choice.capture,
      reason: choice.reason,
      envoyVersion: envoy.version,
      directory,
      ...urls,
      caFile: secrets?.caFile,
      address: async (pod, port) => {
        const target = plan.pods.find(({ id }) => id === pod);
        if (!target)
          throw new Error(`no pod '${pod}' runs here; there are ${plan.pods.map(({ id }) => id).join(', ')}`);
        return { host: '127.0.0.1', port: await doorway.forward(0, { host: target.ip, port }) };
      },
      beside: async (port) => ({
        host: '127.0.0.1',
        port: namespaces ? await doorway.forward(0, { host: '127.0.0.1', port }) : port,
      }),
      enter: namespaces?.enterMesh() ?? [],
      exec: (pod, command, timeoutMs) => pods.exec(pod, command, timeoutMs),
      kill: (pod, process, signal) => pods.process(pod, process).kill(signal),
      stop: () => {
        stopped ??= cleanUp().then(() => rm(directory, { recursive: true, force: true }));
        return stopped;
      },
    };
  } catch (error) {
    await cleanUp();
    (error as Error).message += `\nlogs of this run: ${join(directory, 'logs')}`;
    throw error;
  }
}

/** @throws with every place that is not an object; a mesh of half a folder would surprise. */
function objectsIn(dir: string): KubeObject[] {
  const { objects, findings } = readFiles([dir], { definitions: false });
  const errors = findings.filter(({ level }) => level === 'error');
  if (errors.length > 0) {
    const lines = errors.map(({ code, file, line, message, fix }) => {
      const place = file ? `${file}${line ? `:${line}` : ''}` : dir;
      return `${place}: ${code} ${message}${fix ? `; ${fix}` : ''}`;
    });
    throw new Error(lines.join('\n'));
  }
  if (objects.length === 0)
    throw new Error(`${dir}: there are no objects; give a folder of manifests, such as cdk8s writes`);
  return objects;
}

async function rangesFor({ capture }: CaptureChoice, cleanups: (() => unknown)[]) {
  if (capture === 'transparent') return DEFAULT_RANGES;
  const claimed = await claimRanges();
  cleanups.push(claimed.release);
  return claimed.ranges;
}

function identitiesOf({ pods }: MeshPlan, directory: string, namespaces?: Namespaces): Promise<IdentityFolder> {
  const proving = pods.flatMap(({ id, identity }) => (identity ? [[id, identity] as const] : []));
  return IdentityFolder.create(directory, new Map(proving), async (file) => namespaces?.giveToProxy(file));
}

async function openGateways(
  { gateways }: MeshPlan,
  doorway: Doorway,
  objects: readonly KubeObject[],
  { port = 8080, httpsPort = 8443 }: UpOptions,
): Promise<{ url?: string; httpsUrl?: string }> {
  const http = gateways.find(({ servicePort }) => servicePort === 80);
  const https = gateways.find(({ servicePort }) => servicePort === 443);
  const tlsHost = gatewayHost(objects, true);
  const open = async (scheme: string, host: string, wanted: number, target: { ip: string; port: number }) => {
    const local = await doorway.forward(wanted, { host: target.ip, port: target.port });
    return `${scheme}://${host}:${local}`;
  };
  return {
    url: http && (await open('http', gatewayHost(objects, false) ?? 'localhost', port, http)),
    httpsUrl: https && tlsHost ? await open('https', tlsHost, httpsPort, https) : undefined,
  };
}
