/** Whether Envoy takes what a control plane would send to each proxy, and which patch is to blame where it does not. */
import type { EnvoyFilter, MeshConfig } from '../api';
import { type KubeObject, objectName } from '../api/object';
import type { Snapshot } from '../envoy/resource';
import { Translator } from '../pilot';
import { configPath } from '../pilot/metadata';
import type { NamedPatch } from '../pilot/patch';
import { tracesOf } from '../pilot/patch/patch-traces';
import { proxyNamed, World } from '../world';
import { complaintOfEnvoy } from './envoy-validation';

export interface Judged {
  /** Complete: every workload has its Pods. */
  readonly objects: readonly KubeObject[];
  /** Default: what the objects say. */
  readonly meshConfig?: MeshConfig;
  /** Of plugins. Default: none. */
  readonly patches?: readonly NamedPatch[];
  /** `NAME.NAMESPACE` of Pods or workloads. Default: every Pod that has a proxy. */
  readonly proxies?: readonly string[];
  /** The binary that judges. */
  readonly envoy: string;
}

/** Why one proxy would not work. */
export interface Refusal {
  readonly proxy: string;
  /** All that Envoy says. */
  readonly complaint: string;
  /** Those without which Envoy would take it; where no single one turns it around, all that patch; none where none does. */
  readonly culprits: readonly Culprit[];
}

export interface Culprit {
  readonly object: KubeObject;
  /** As `EnvoyFilter shop/lua spec.configPatches[1]`: with the path where one of several patches is to blame. */
  readonly name: string;
}

export interface Judgement {
  readonly refusals: readonly Refusal[];
  /** What could not even be translated. */
  readonly failures: readonly { readonly name: string; readonly error: Error }[];
  /** Those that were asked for, and are not there. */
  readonly unknown: readonly string[];
  /** How many proxies were looked at. */
  readonly proxies: number;
}

export async function judgeByEnvoy(judged: Judged): Promise<Judgement> {
  const { objects, proxies = podNames(objects), envoy } = judged;
  const refusals: Refusal[] = [];
  const failures = new Map<string, { name: string; error: Error }>();
  const unknown: string[] = [];
  /** Replicas are alike, so that each configuration is judged once. */
  const complaints = new Map<string, Promise<string>>();
  for (const proxy of proxies) {
    const translator = new Translator(judged.patches);
    const snapshot = translated(judged, objects, proxy, translator);
    for (const failure of translator.failures) failures.set(`${failure.name} ${failure.error.message}`, failure);
    if (!snapshot) {
      unknown.push(proxy);
      continue;
    }
    const key = versionOf(snapshot);
    const known = complaints.get(key) ?? complaintOfEnvoy(snapshot, envoy);
    complaints.set(key, known);
    const complaint = await known;
    if (complaint) refusals.push({ proxy, complaint, culprits: await culpritsOf(judged, proxy, snapshot) });
  }
  return { refusals, failures: [...failures.values()], unknown, proxies: proxies.length - unknown.length };
}

function translated(
  { meshConfig, patches }: Judged,
  objects: readonly KubeObject[],
  name: string,
  translator = new Translator(patches),
): Snapshot | undefined {
  const world = World.of(objects, { meshConfig });
  const proxy = proxyNamed(world, name);
  return proxy && translator.snapshot(world, proxy);
}

async function culpritsOf(judged: Judged, proxy: string, snapshot: Snapshot): Promise<Culprit[]> {
  const patching = patchingObjects(snapshot, judged.objects);
  const isTaken = async (objects: readonly KubeObject[]) => {
    const without = translated(judged, objects, proxy);
    return without !== undefined && !(await complaintOfEnvoy(without, judged.envoy));
  };
  const guilty: Culprit[] = [];
  for (const object of patching) {
    if (!(await isTaken(judged.objects.filter((each) => each !== object)))) continue;
    const paths = await guiltyPatches(object, (changed) =>
      isTaken(judged.objects.map((each) => (each === object ? changed : each))),
    );
    guilty.push({ object, name: [objectName(object), ...paths].join(' ') });
  }
  return guilty.length > 0 ? guilty : patching.map((object) => ({ object, name: objectName(object) }));
}

/** Of several patches of one EnvoyFilter, those without which Envoy would take the rest. */
async function guiltyPatches(object: KubeObject, isTaken: (changed: KubeObject) => Promise<boolean>) {
  const patches = object.kind === 'EnvoyFilter' ? ((object as EnvoyFilter).spec?.configPatches ?? []) : [];
  const paths: string[] = [];
  for (let i = 0; patches.length > 1 && i < patches.length; i++) {
    const configPatches = patches.filter((_, index) => index !== i);
    if (await isTaken({ ...object, spec: { ...(object.spec as object), configPatches } }))
      paths.push(`spec.configPatches[${i}]`);
  }
  return paths;
}

function versionOf(snapshot: Snapshot): string {
  const lists = [snapshot.clusters, snapshot.endpoints, snapshot.listeners, snapshot.routes, snapshot.secrets];
  return lists.map((resources) => resources.map(({ version }) => version).join()).join(' ');
}

function podNames(objects: readonly KubeObject[]): string[] {
  return objects
    .filter(({ kind }) => kind === 'Pod')
    .map(({ metadata }) => `${metadata.name}.${metadata.namespace ?? 'default'}`)
    .sort();
}

/** The objects that changed a resource of the snapshot. */
function patchingObjects(snapshot: Snapshot, objects: readonly KubeObject[]): KubeObject[] {
  const resources = [...snapshot.listeners, ...snapshot.routes, ...snapshot.clusters];
  const paths = new Set(resources.flatMap(tracesOf).map(({ path }) => path));
  return objects.filter((object) => paths.has(configPath(object)));
}
