/**
 * From objects as they come to snapshots: Galley's door, the World, the translator. What Galley does not admit leaves the
 * last good generation in force, and whatever goes wrong on the way leaves the last World.
 */
import type { MeshConfig } from '../api';
import type { KubeObject } from '../api/object';
import type { Snapshot } from '../envoy/resource';
import { admit, analyze, type Finding, type NamedRule, notTranslated } from '../galley';
import type { NamedPatch } from '../pilot/patch';
import { Translator } from '../pilot/translator';
import { type ImageModules, type Proof, type Proxy, provenProxy, proxyOf, World, type WorldOptions } from '../world';
import { blame } from './blame';
import type { Quarantined } from './quarantine';
import { AccessDenied, type Logger, type Node, type SnapshotSource } from './source';

export interface MeshSourceOptions extends Omit<WorldOptions, 'imageModules'> {
  readonly log: Logger;
  /** Adds what the registry itself does not hold, such as the Pods of a Deployment in files. Default: nothing. */
  readonly complete?: (objects: readonly KubeObject[]) => KubeObject[];
  /** WebAssembly modules of the images that objects name, as far as they are there. Default: none. */
  readonly modules?: (objects: readonly KubeObject[], config: MeshConfig) => ImageModules;
  /** Why what an object needs beside its World is not there, such as the module of an image. Default: nothing is lacking. */
  readonly lacking?: (object: KubeObject) => string | undefined;
  /** Rules of plugins, for the analysis of what is in force. Default: none. */
  readonly rules?: readonly NamedRule[];
  /** What plugins change of what is translated. Default: nothing. */
  readonly patches?: readonly NamedPatch[];
  /** Milliseconds since the epoch. Default: the system's. */
  readonly now?: () => number;
}

/** What is in force. */
export interface Configuration {
  /** `waiting`: nothing has come yet. `stale`: something newer has errors and is not in force; findings say what. */
  readonly state: 'waiting' | 'current' | 'stale';
  /** Counts the Worlds. */
  readonly generation: number;
  readonly objects: number;
  /** When the World was made, as an ISO time. */
  readonly since?: string;
}

export class MeshSource implements SnapshotSource {
  private readonly translator: Translator;
  private readonly listeners = new Set<() => void>();
  private admitted: readonly KubeObject[] = [];
  /** The first World that each object was in, as it is; values of objects stand for their content. */
  private readonly since = new WeakMap<KubeObject, number>();
  private inForce: { world: World; objects: readonly KubeObject[]; generation: number; since: number } | undefined;
  private analyzed?: { admitted: readonly KubeObject[]; findings: readonly Finding[] };
  private found: readonly Finding[] = [];

  constructor(private readonly options: MeshSourceOptions) {
    this.translator = new Translator(options.patches);
  }

  /** Takes in all objects there are now, and what was found while they were read. */
  update(objects: readonly KubeObject[], readingFindings: readonly Finding[] = []): void {
    const { log, complete = (admitted) => [...admitted], now = Date.now } = this.options;
    try {
      const { admitted, findings, standsFor } = admit(this.admitted, objects);
      const all = complete(admitted);
      const world = this.withModules(World.of(all, this.options), all);
      const generation = this.generation + 1;
      this.admitted = admitted;
      this.inForce = { world, objects: all, generation, since: now() };
      for (const object of admitted) if (!this.since.has(object)) this.since.set(object, generation);
      for (const [object, value] of standsFor) this.since.set(object, this.since.get(value)!);
      this.note([...readingFindings, ...findings]);
    } catch (error) {
      const { message, stack } = error as Error;
      log.error({ error: message, stack }, 'the objects cannot be taken in; the last configuration stays in force');
      this.note([...readingFindings, notTranslated({ name: 'mesh', error: error as Error })]);
      return;
    }
    for (const onChange of this.listeners) onChange();
  }

  /** Which images may be served is said by the mesh configuration, which the World knows. */
  private withModules(world: World, objects: readonly KubeObject[]): World {
    const imageModules = this.options.modules?.(objects, world.meshConfig());
    return imageModules?.size ? World.of(objects, { ...this.options, imageModules }) : world;
  }

  private note(findings: readonly Finding[]): void {
    const before = new Set(this.found.map(described));
    for (const finding of findings.filter((each) => each.level === 'error' && !before.has(described(each)))) {
      this.options.log.warn({ ...finding }, 'not in force');
    }
    this.found = findings;
  }

  snapshot(node: Node, proof?: Proof): Snapshot | undefined {
    const world = this.inForce?.world;
    const proxy = world && (proof ? proven(world, node, proof) : proxyOf(world, node));
    return proxy && this.translator.snapshot(world, proof?.getsKey ? proxy : withoutStreamedKey(proxy));
  }

  /** Of a Pod, the certificate that was shown is in its volume, with its key; a machine has no such place that is known. */
  takesKey(node: Node, proof: Proof): boolean {
    const world = this.inForce?.world;
    const found = world && provenProxy(world, node.id, proof);
    if (!world || found?.kind !== 'proven') return false;
    const { namespace, name, identity } = found.proxy;
    return identity === 'ads' && world.pod(namespace, name) === undefined;
  }

  get generation(): number {
    return this.inForce?.generation ?? 0;
  }

  /** The objects that the World was made from. */
  get objects(): readonly KubeObject[] {
    return this.inForce?.objects ?? [];
  }

  /** Since which World this version of an object is in force; undefined where it is not. */
  inForceSince(object: KubeObject): number | undefined {
    return this.since.get(object);
  }

  /** Why proxies cannot have what an object asks for, although it is in force; undefined when they may. */
  lacking(object: KubeObject): string | undefined {
    return this.options.lacking?.(object);
  }

  /** A Pod of the World, for whoever checks where a token comes from. */
  knownPod(namespace: string, name: string): { uid?: string; addresses: readonly string[] } | undefined {
    const pod = this.inForce?.world.pod(namespace, name);
    if (!pod) return undefined;
    const addresses = [pod.status?.podIP, ...(pod.status?.podIPs ?? []).map(({ ip }) => ip)];
    return { uid: pod.metadata.uid, addresses: addresses.filter((address) => address !== undefined) };
  }

  subscribe(onChange: () => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }

  /** What was found in the newest objects, and what of them could not be translated. */
  get findings(): readonly Finding[] {
    const failures = this.translator.failures.map(notTranslated);
    return [...this.found, ...failures];
  }

  /** What proxies have rejected, told of the objects that it was made from. */
  blame(rejected: readonly Quarantined[]): readonly Finding[] {
    return rejected.flatMap((each) => blame(each, this.objects));
  }

  /** What is wrong among the objects in force. Worked out when it is first asked for, so that no edit waits for it. */
  analysis(): readonly Finding[] {
    const { inForce, admitted } = this;
    if (inForce && this.analyzed?.admitted !== admitted) {
      this.analyzed = { admitted, findings: this.analyze(inForce.world, admitted) };
    }
    return this.analyzed?.findings ?? [];
  }

  private analyze(world: World, admitted: readonly KubeObject[]): readonly Finding[] {
    try {
      const { rules } = this.options;
      return analyze(admitted, { meshConfig: world.meshConfig(), rootNamespace: world.rootNamespace(), rules });
    } catch (error) {
      this.options.log.error({ error: (error as Error).message }, 'the objects cannot be analyzed');
      return [];
    }
  }

  get configuration(): Configuration {
    if (!this.inForce) return { state: 'waiting', generation: 0, objects: 0 };
    const { objects, generation, since } = this.inForce;
    const isStale = this.found.some(({ level }) => level === 'error');
    return {
      state: isStale ? 'stale' : 'current',
      generation,
      objects: objects.length,
      since: new Date(since).toISOString(),
    };
  }

  /** The World in force; undefined before the first. */
  get world(): World | undefined {
    return this.inForce?.world;
  }

  /** The labels of the workload behind a node; undefined when it is unknown. */
  labelsOf(node: Node): Readonly<Record<string, string>> | undefined {
    return this.inForce && proxyOf(this.inForce.world, node)?.labels;
  }
}

/** To whom no key is sent speaks no mutual TLS with it: nothing of its configuration waits for one in vain. */
function withoutStreamedKey(proxy: Proxy): Proxy {
  return proxy.identity === 'ads' ? { ...proxy, identity: undefined } : proxy;
}

function proven(world: World, node: Node, proof: Proof): Proxy | undefined {
  const found = provenProxy(world, node.id, proof);
  if (found.kind === 'refused') throw new AccessDenied(found.reason);
  if (found.kind !== 'proven') return undefined;
  // Who and where a proxy is, is proven. What it says beside that only chooses among patches that are meant for it anyway.
  return { ...found.proxy, ...(node.version && { envoyVersion: node.version }), metadata: node.metadata };
}

function described({ code, resource, path, message, file, line }: Finding): string {
  return [code, resource, path, message, file, line].join('\0');
}
