/** Answers PodCertificateRequests, as the leader. A request is decided once; the API server refuses every second answer. */
import type { KubeObject } from '../api/object';
import {
  type PodCertificateRequest,
  type PodCertificateSigner,
  WORKLOAD_SIGNER,
} from '../citadel/pod-certificate-request';
import { KubeApiError, type KubeClient, type Leadership } from '../discovery/kubernetes';
import { Backoff } from '../discovery/kubernetes/backoff';
import { Reflector, type ReflectorClock } from '../discovery/kubernetes/reflector';
import type { Resource } from '../discovery/kubernetes/resource';
import { systemClock } from '../discovery/kubernetes/watch';

export interface PodCertificateAnswers {
  readonly api: Pick<KubeClient, 'get' | 'watch' | 'patch'>;
  readonly signer: PodCertificateSigner;
  readonly leadership: Leadership;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  readonly clock?: ReflectorClock;
}

const GROUP = 'certificates.k8s.io';
const REQUESTS: Resource = {
  group: GROUP,
  version: 'v1',
  plural: 'podcertificaterequests',
  kind: 'PodCertificateRequest',
  keep: lean,
};
/** Answers under way at once. A whole cluster that starts asks for thousands. */
const MOST_AT_ONCE = 16;

export class PodCertificates {
  private readonly clock: ReflectorClock;
  private readonly reflector: Reflector;
  private readonly unsubscribe: () => void;
  /** By uid: being decided, or decided without that having come back yet. */
  private readonly taken = new Set<string>();
  private readonly waiting = new Map<string, Backoff>();
  private underWay = 0;
  private isClosed = false;

  constructor(private readonly options: PodCertificateAnswers) {
    const { api, leadership, log, clock = systemClock } = options;
    this.clock = clock;
    this.reflector = new Reflector({
      api,
      resource: REQUESTS,
      clock,
      onChange: () => this.look(),
      onTrouble: (trouble) => {
        if (trouble !== undefined) log.warn({ error: trouble }, 'PodCertificateRequests cannot be read');
      },
      // What vanishes needs no answer, and what is held gets none: either is harmless.
      isSameCluster: async () => true,
    });
    this.unsubscribe = leadership.subscribe(() => this.look());
    this.reflector.start();
  }

  close(): void {
    this.isClosed = true;
    this.unsubscribe();
    this.reflector.stop();
  }

  private look(): void {
    const present = new Set<string>();
    for (const object of this.reflector.objects) {
      const { uid } = object.metadata;
      if (!isOpen(object) || uid === undefined) continue;
      present.add(uid);
      if (this.underWay >= MOST_AT_ONCE || this.taken.has(uid) || !this.leads()) continue;
      this.taken.add(uid);
      this.underWay++;
      void this.answer(object as PodCertificateRequest, uid).finally(() => {
        this.underWay--;
        this.look();
      });
    }
    for (const uid of this.taken) if (!present.has(uid)) this.taken.delete(uid);
    for (const uid of this.waiting.keys()) if (!present.has(uid)) this.waiting.delete(uid);
  }

  private leads(): boolean {
    return !this.isClosed && this.options.leadership.isLeader();
  }

  /** Never rejects. */
  private async answer(request: PodCertificateRequest, uid: string): Promise<void> {
    const { api, signer, log } = this.options;
    const { namespace, name } = request.metadata;
    const about = { request: `${namespace}/${name}`, pod: request.spec?.podName };
    try {
      const status = await signer.decide(request);
      if (!status || !this.leads()) {
        this.taken.delete(uid);
        return;
      }
      const path = `/apis/${GROUP}/v1/namespaces/${namespace}/podcertificaterequests/${name}/status`;
      await api.patch(path, 'merge', { status });
      const { type, reason, message } = status.conditions[0]!;
      if (type !== 'Issued') log.warn({ ...about, type, reason, error: message }, 'pod certificate refused');
    } catch (error) {
      if (error instanceof KubeApiError && (error.isNotFound || error.isConflict || error.status === 422)) {
        // It is gone, or somebody else has decided it, as the leader before us may just have done.
        log.info({ ...about, error: error.message }, 'pod certificate not answered');
        return;
      }
      log.error({ ...about, error: (error as Error).message }, 'pod certificate cannot be made; tried again');
      this.again(uid);
    }
  }

  private again(uid: string): void {
    const backoff = this.waiting.get(uid) ?? new Backoff({ first: 500 });
    this.waiting.set(uid, backoff);
    this.clock.after(backoff.next(), () => {
      this.taken.delete(uid);
      if (!this.isClosed) this.look();
    });
  }
}

function isOpen({ spec, status }: KubeObject): boolean {
  const { signerName } = (spec ?? {}) as { signerName?: string };
  const { conditions = [] } = (status ?? {}) as { conditions?: unknown[] };
  return signerName === WORKLOAD_SIGNER && conditions.length === 0;
}

/** What has an answer is only remembered as such; of other signers' requests, nothing but that they are there. */
function lean({ apiVersion, kind, metadata, spec, status }: KubeObject): KubeObject {
  const { signerName } = (spec ?? {}) as { signerName?: string };
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string }[] };
  const isOurs = signerName === WORKLOAD_SIGNER && conditions.length === 0;
  const { name, namespace, uid } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, uid },
    spec: isOurs ? spec : { signerName },
    ...(conditions.length > 0 && { status: { conditions: conditions.map(({ type }) => ({ type })) } }),
  };
}
