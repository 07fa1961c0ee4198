/**
 * What the proxies of this replica have made of the objects in force: whether each object, as it is now, has come to all
 * that it concerns, or was refused by one of them.
 */

import type { KubeObject } from '../api/object';
import { GATEWAY_NAME_LABEL } from '../world';
import { blamed } from './blame';
import type { MeshSource } from './mesh-source';
import type { Progress } from './progress';
import type { Quarantined } from './quarantine';
import type { Node } from './source';

/**
 * `unknown`: the object, as it is, is not in force here. `refused`: by a proxy, or it lacks something that proxies would need. `pending`: a proxy that it concerns has not acknowledged it.
 * `landed`: all of them have; `proxies` counts those of a Gateway of the Gateway API.
 */
export type ObjectReport =
  | { readonly state: 'unknown' | 'pending' }
  | { readonly state: 'refused'; readonly error: string }
  | { readonly state: 'landed'; readonly proxies?: number };

/** What replicas tell of objects. */
export interface ProxyReports {
  /** As it is at this moment; to be asked for each object. */
  now(): (object: KubeObject) => ObjectReport;
  /** Calls `onChange` when answers may be others; returns how to stop. */
  subscribe(onChange: () => void): () => void;
}

/** What a server of proxies tells of them. */
export interface ProgressSource {
  progress(): readonly { readonly node: Node; readonly progress: Progress }[];
  rejected(): readonly Quarantined[];
  subscribe(onProgress: () => void): () => void;
}

export class LocalReports implements ProxyReports {
  constructor(
    private readonly source: Pick<MeshSource, 'inForceSince' | 'labelsOf' | 'lacking' | 'objects'>,
    private readonly server: ProgressSource,
  ) {}

  subscribe(onChange: () => void): () => void {
    return this.server.subscribe(onChange);
  }

  now(): (object: KubeObject) => ObjectReport {
    const { source, server } = this;
    const established = server.progress().filter(({ progress }) => progress.isEstablished);
    const rejected = server.rejected();
    const refusals = refusalsOf(rejected, source.objects);
    const lackedBy = lacking(established.map(({ progress }) => progress));
    const gateways = this.gatewaysOf(established, rejected);
    return (object) => {
      const since = source.inForceSince(object);
      if (since === undefined) return { state: 'unknown' };
      const error = refusals.get(object) ?? source.lacking(object);
      if (error !== undefined) return { state: 'refused', error };
      if (!isGatewayApiGateway(object)) return { state: lackedBy(since) ? 'pending' : 'landed' };
      const own = gateways.get(`${object.metadata.namespace}/${object.metadata.name}`);
      if (own?.error !== undefined) return { state: 'refused', error: own.error };
      const proxies = own?.progresses ?? [];
      return proxies.some((progress) => progress.lacks(since))
        ? { state: 'pending' }
        : { state: 'landed', proxies: proxies.length };
    };
  }

  /** By `namespace/name` of the Gateway: how far its proxies are, and which listener one of them has refused. */
  private gatewaysOf(established: readonly { node: Node; progress: Progress }[], rejected: readonly Quarantined[]) {
    const gateways = new Map<string, { progresses: Progress[]; error?: string }>();
    const listeners = new Map(
      rejected.flatMap(({ type, proxy, error }) => (type === 'listeners' ? [[proxy, error]] : [])),
    );
    for (const { node, progress } of established) {
      const name = this.source.labelsOf(node)?.[GATEWAY_NAME_LABEL];
      if (name === undefined) continue;
      const key = `${namespaceOf(node)}/${name}`;
      const known = gateways.get(key) ?? { progresses: [] };
      known.progresses.push(progress);
      known.error ??= listeners.get(node.id);
      gateways.set(key, known);
    }
    return gateways;
  }
}

function isGatewayApiGateway({ apiVersion, kind }: KubeObject): boolean {
  return kind === 'Gateway' && apiVersion.startsWith('gateway.networking.k8s.io/');
}

/** `router~198.18.0.1~edge-1.shop~shop.svc.cluster.local` is in `shop`. */
function namespaceOf({ id }: Node): string {
  const workload = id.split('~')[2] ?? '';
  return workload.slice(workload.lastIndexOf('.') + 1);
}

function refusalsOf(rejected: readonly Quarantined[], objects: readonly KubeObject[]): Map<KubeObject, string> {
  const refusals = new Map<KubeObject, string>();
  for (const each of rejected) {
    const { objects: suspects, message } = blamed(each, objects);
    for (const object of suspects) if (!refusals.has(object)) refusals.set(object, message);
  }
  return refusals;
}

/** Whether any of them lacks a World, asked once for each: most objects came into force together. */
function lacking(all: readonly Progress[]): (generation: number) => boolean {
  const answers = new Map<number, boolean>();
  return (generation) => {
    let answer = answers.get(generation);
    if (answer === undefined) {
      answer = all.some((progress) => progress.lacks(generation));
      answers.set(generation, answer);
    }
    return answer;
  };
}
