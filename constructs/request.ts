/**
 * What a request would do: the program's objects, translated as the control plane would, answered by the simulator from
 * the very resources that Envoy gets.
 */
import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';
import type { Pod } from '../lib/api/kubernetes';
import type { KubeObject } from '../lib/api/object';
import { PROXY_CONTAINER } from '../lib/injector';
import type { NamedPatch } from '../lib/pilot/patch';
import { Translator } from '../lib/pilot/translator';
import { type Answer, ask } from '../lib/simulator';
import { complete, type Proxy, proxyNamed, World } from '../lib/world';
import { Gateway } from './gateway';
import { versionService } from './http-route-rules';
import type { Port } from './port';
import { problemAt } from './problem';
import type { IMeshService, IRouteTarget } from './service-version';

/** A request that nobody sends. */
export interface MeshRequest {
  /** Who asks: a service (its first version), one version of it, or a client outside, at a gateway. */
  readonly from: IRouteTarget | Gateway;
  /** The service that is asked. At a gateway: left out, the host decides. */
  readonly to?: IMeshService;
  /** Default: the host of `to`, or the first host of the gateway. */
  readonly host?: string;
  /** Default: the first HTTP port of `to`, or the gateway's port 80. */
  readonly port?: Port;
  /** The client speaks TLS to the gateway. Default: false. */
  readonly tls?: boolean;
  /** Default: `/`. */
  readonly path?: string;
  /** Default: `GET`. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The claims of a token that the caller sends, whose signature is good. Default: none is sent. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** What would become of a request. */
export class Outcome {
  /** @internal */
  constructor(
    private readonly answer: Answer,
    /** The labels of the Pod at each address. */
    private readonly pods: ReadonlyMap<string, Readonly<Record<string, string>>>,
  ) {}

  /** The status that the proxy answers by itself; undefined when the request is forwarded, or its connection closed. */
  get status(): number | undefined {
    return this.answer.kind === 'forward' ? undefined : this.answer.status;
  }

  /** The part of such requests, from 0 to 1, that reaches this service or version. */
  shareOf(target: IRouteTarget): number {
    if (this.answer.kind !== 'forward') return 0;
    let total = 0;
    for (const { service, share, endpoints } of this.answer.destinations) {
      if (!service) continue;
      const offered = versionBehind(service.host, target.service);
      if (service.host !== target.service.host && offered === undefined) continue;
      const version = offered ?? service.subset;
      const hits = endpoints.filter((endpoint) => this.isBehind(endpoint, target)).length;
      if (target.versionName === undefined || version === target.versionName) total += share;
      else if (version === '' && endpoints.length > 0) total += (share * hits) / endpoints.length;
    }
    return total;
  }

  /** Whether any such request reaches this service or version. */
  reaches(target: IRouteTarget): boolean {
    return this.shareOf(target) > 0;
  }

  /** In one line: where the requests go, or why not. */
  toString(): string {
    const { answer } = this;
    if (answer.kind === 'refusal') return `refused${answer.status ? ` with ${answer.status}` : ''}: ${answer.why}`;
    if (answer.kind === 'redirect') return `redirected with ${answer.status} to ${answer.location}`;
    if (answer.kind === 'response') return `answered by the proxy with ${answer.status}`;
    const shares = answer.destinations.map(({ cluster, share }) => `${Math.round(share * 1000) / 10} % ${cluster}`);
    return `forwarded by route ${answer.by.route ?? '–'}: ${shares.join(', ')}`;
  }

  private isBehind(endpoint: string, { versionName }: IRouteTarget): boolean {
    const labels = this.pods.get(endpoint.slice(0, endpoint.lastIndexOf(':')));
    return labels?.['version'] === versionName;
  }
}

/** The version that a host stands for: written in the Gateway API, each version is a Service of its own. */
function versionBehind(host: string, { name, namespace, versionNames }: IMeshService): string | undefined {
  return versionNames.find((version) => host === `${versionService(name, version)}.${namespace}.svc.cluster.local`);
}

/** Asks the program below `root`, whose plugins change what is made of it by `patches`. */
export function request(root: IConstruct, question: MeshRequest, patches: readonly NamedPatch[]): Outcome {
  const objects = complete(renderedBelow(root));
  const world = World.of(objects);
  const workload = workloadOf(question.from);
  const proxy = proxyNamed(world, workload);
  if (!proxy) {
    throw new Error(
      `mesh.request: no workload ${workload} in the program; allowed: services and gateways that this program makes`,
    );
  }
  const translator = new Translator(patches);
  const { path = '/', method = 'GET', headers, tls, claims } = question;
  const answer = ask(world, translator.snapshot(world, proxy), {
    from: proxy,
    ...destinationOf(question),
    tls,
    path,
    method,
    headers,
    claims,
    sidecarAt: (address) => {
      const sidecar = sidecarAt(world, objects, address);
      return sidecar && translator.snapshot(world, sidecar);
    },
  });
  return new Outcome(answer, podLabels(objects));
}

/** The proxy beside the Pod of that address, if it has one. */
function sidecarAt(world: World, objects: readonly KubeObject[], address: string): Proxy | undefined {
  const pod = objects.find(({ kind, status }) => kind === 'Pod' && (status as Pod['status'])?.podIP === address) as
    | Pod
    | undefined;
  const containers = [...(pod?.spec?.initContainers ?? []), ...(pod?.spec?.containers ?? [])];
  if (!pod || !containers.some(({ name }) => name === PROXY_CONTAINER)) return undefined;
  return proxyNamed(world, `${pod.metadata.name}.${pod.metadata.namespace ?? 'default'}`);
}

/** The objects of the program as they stand now. */
export function renderedBelow(root: IConstruct): KubeObject[] {
  return root.node
    .findAll()
    .filter((construct): construct is ApiObject => ApiObject.isApiObject(construct))
    .map((object) => object.toJson() as KubeObject);
}

/** `NAME.NAMESPACE` of the workload beside whose proxy the request starts. */
function workloadOf(from: MeshRequest['from']): string {
  if (from instanceof Gateway) return `${from.name}.${from.namespace}`;
  const version = from.versionName ?? from.service.versionNames[0] ?? '';
  const { service } = from;
  if (!('workloadName' in service)) {
    throw problemAt(service, {
      code: 'MAL0120',
      what: 'only workloads of this program can be asked from',
      got: `${service.host}, which another program declares`,
      fix: 'start from a MeshService or a Gateway of this program',
    });
  }
  return `${(service as Deployed).workloadName(version)}.${service.namespace}`;
}

/** A service whose workloads this program knows. */
interface Deployed extends IMeshService {
  workloadName(version: string): string;
}

function destinationOf({ from, to, host, port }: MeshRequest): { host: string; port?: number } {
  if (from instanceof Gateway) return { host: host ?? from.hosts[0]!, port: port?.number };
  if (!to && !(host && port)) {
    throw new Error(
      'mesh.request: got neither to, nor host and port; allowed: to: service, or a host of the outside and its port',
    );
  }
  const number = port ?? to?.ports.find(({ isHttp }) => isHttp) ?? to?.ports[0];
  return { host: host ?? to!.host, port: number?.number };
}

function podLabels(objects: readonly KubeObject[]): Map<string, Readonly<Record<string, string>>> {
  const labels = new Map<string, Readonly<Record<string, string>>>();
  for (const object of objects) {
    const ip = object.kind === 'Pod' ? (object as Pod).status?.podIP : undefined;
    if (ip) labels.set(ip, object.metadata.labels ?? {});
  }
  return labels;
}
