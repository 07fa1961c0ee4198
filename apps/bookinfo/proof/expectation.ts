/** What should be seen, by the simulator: it reads the resources that the control plane sends to these very proxies. */
import type { RunningMesh } from '../../../lib/local';
import { Translator } from '../../../lib/pilot/translator';
import { ask, type Destination } from '../../../lib/simulator';
import { type Proxy, proxyNamed, World } from '../../../lib/world';

export interface Expectation {
  /** Version of the service → share of the requests, from 0 to 1; empty when none should get there. */
  shares: ReadonlyMap<string, number>;
  /** What the client sees when the request gets nowhere. */
  status?: number;
}

export interface Question {
  /** The pod whose proxy is asked: `NAME.NAMESPACE`. */
  from: string;
  host: string;
  port?: number;
  path: string;
  headers?: Record<string, string>;
}

export class Expectations {
  private readonly world: World;
  private readonly translator = new Translator();

  constructor(private readonly mesh: RunningMesh) {
    this.world = World.of(mesh.objects);
  }

  of(question: Question): Expectation {
    const proxy = this.proxyOf(question.from);
    const sidecarAt = (address: string) => {
      const pod = this.mesh.plan.pods.find(({ ip, role }) => ip === address && role === 'sidecar');
      return pod && this.translator.snapshot(this.world, this.proxyOf(pod.id));
    };
    const answer = ask(this.world, this.translator.snapshot(this.world, proxy), {
      ...question,
      from: proxy,
      sidecarAt,
    });
    if (answer.kind === 'forward') return { shares: this.versionsOf(answer.destinations) };
    return { shares: new Map(), status: answer.status };
  }

  private proxyOf(id: string): Proxy {
    const { capture, plan } = this.mesh;
    const pod = plan.pods.find((each) => each.id === id);
    const explicit = { capture: 'NONE', appAddress: pod?.appAddress } as const;
    const proxy = proxyNamed(this.world, id, capture === 'explicit' ? explicit : {});
    if (!proxy) throw new Error(`the manifests hold no pod ${id}; it is part of Bookinfo`);
    return proxy;
  }

  /** The endpoints of a destination have equal shares of it, and each is a pod of some version. */
  private versionsOf(destinations: readonly Destination[]): Map<string, number> {
    const shares = new Map<string, number>();
    for (const { share, endpoints } of destinations) {
      for (const endpoint of endpoints) {
        const ip = endpoint.slice(0, endpoint.lastIndexOf(':'));
        const version = this.versionAt(ip);
        shares.set(version, (shares.get(version) ?? 0) + share / endpoints.length);
      }
    }
    return new Map([...shares].filter(([, share]) => share > 0));
  }

  private versionAt(ip: string): string {
    const pod = this.mesh.objects.find(
      ({ kind, status }) => kind === 'Pod' && (status as { podIP?: string } | undefined)?.podIP === ip,
    );
    return pod?.metadata.labels?.version ?? ip;
  }
}
