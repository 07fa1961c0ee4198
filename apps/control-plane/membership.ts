/**
 * The control plane as one of several in its cluster: who leads, where the authority is kept, who reviews tokens, and what the
 * leader answers and publishes. Wiring only; the parts are in lib/cluster.
 */
import type { KubeObject } from '../../lib/api/object';
import { meshLabel } from '../../lib/api/ownership';
import { DEFAULT_REVISION } from '../../lib/api/webhooks';
import type { Storage } from '../../lib/citadel/storage';
import type { TokenReviewApi } from '../../lib/citadel/token-reviewer';
import {
  authoritySecret,
  clusterTokenReviews,
  ownerOf,
  PodCertificates,
  type Publication,
  publish,
  rootConfigMaps,
  trustBundle,
  webhookTrust,
} from '../../lib/cluster';
import { type KubeClient, type Leadership, LeaseLeadership } from '../../lib/discovery/kubernetes';
import type { Logger } from '../../lib/xds/source';
import type { Citadel } from './citadel';
import { toldOnce } from './told-once';

export interface MembershipOptions {
  /** The authority is kept in a Secret of the control plane's namespace. Default: elsewhere. */
  readonly keepsAuthority?: boolean;
  /**
   * How Pods of the cluster prove who they are: by podCertificate volumes, which the leader answers, or by a token, for which
   * it publishes the roots in each namespace. Default `podCertificate`.
   */
  readonly identity?: 'podCertificate' | 'sds';
  /** Which control plane of the namespace this is. Default: `default`. */
  readonly revision?: string;
}

export interface Membership {
  readonly leadership: Leadership;
  readonly storage: Storage | undefined;
  readonly tokenReviews: TokenReviewApi;
  /** All objects there are, each time some have changed. */
  see(objects: readonly KubeObject[]): void;
  /** Begins to answer and to publish, whenever it leads. */
  serve(citadel: Citadel): Promise<void>;
  close(): Promise<void>;
}

/** The name of the control plane's Service, and of its cluster-wide rights. */
export const CONTROL_PLANE_NAME = 'malha-control-plane';

/** The Lease that the replicas of a revision hold in turn. */
export function leaseNameOf(revision = DEFAULT_REVISION): string {
  return revision === DEFAULT_REVISION ? 'malha-leader' : `malha-leader-${revision}`;
}

export function joinCluster(
  options: MembershipOptions,
  { api, namespace, log }: { api: KubeClient; namespace: string; log: Logger },
): Membership {
  const { revision = DEFAULT_REVISION, identity = 'podCertificate' } = options;
  const leadership = new LeaseLeadership({
    api,
    namespace,
    name: leaseNameOf(revision),
    labels: meshLabel(namespace),
    holder: process.env.POD_NAME ?? 'control-plane',
    onTrouble(trouble) {
      if (trouble !== undefined) log.warn({ error: trouble }, 'the Lease of the leader cannot be read or written');
    },
  });
  leadership.subscribe((leads) => log.info({ leads }, leads ? 'this replica leads' : 'this replica leads no more'));
  leadership.start();
  const tellUnwatched = toldOnce(log, 'the authority is looked at now and then: its Secret cannot be watched');
  const open: { close(): void }[] = [];
  let configMaps: Publication | undefined;
  let namespaces: readonly KubeObject[] = [];
  return {
    leadership,
    storage: options.keepsAuthority ? authoritySecret({ api, namespace, onTrouble: tellUnwatched }) : undefined,
    tokenReviews: clusterTokenReviews(api),
    see(objects) {
      namespaces = objects.filter(({ kind, apiVersion }) => kind === 'Namespace' && apiVersion === 'v1');
      configMaps?.refresh();
    },
    async serve(citadel) {
      let owners = await ownersOf(api, namespace, log);
      // One that was made anew has another uid; what belongs to the old one would be taken away again and again.
      const prepare = async () => {
        owners = await ownersOf(api, namespace, log);
      };
      const place = { api, mesh: namespace, leadership, log, owners: () => owners, prepare };
      const roots = () => citadel.identity().roots;
      const published = webhookTrust(place, roots, { namespace, service: CONTROL_PLANE_NAME, revision }).map(publish);
      if (identity === 'sds') {
        configMaps = publish(rootConfigMaps(place, roots, () => namespaces));
        published.push(configMaps);
      } else {
        published.push(publish(trustBundle(place, roots)));
        open.push(new PodCertificates({ api, signer: citadel.podCertificates, leadership, log }));
      }
      const forget = citadel.onIdentity(() => {
        for (const publication of published) publication.refresh();
      });
      open.push(...published, { close: forget });
    },
    async close() {
      for (const each of open) each.close();
      await leadership.close();
    },
  };
}

/** The ClusterRole of the manifests: it is theirs in any case, and nothing that matters to anybody else hangs on it. */
async function ownersOf(api: KubeClient, namespace: string, log: Logger) {
  const name = `${CONTROL_PLANE_NAME}-${namespace}`;
  const role = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles', kind: 'ClusterRole', name };
  try {
    return await ownerOf(api, role);
  } catch (error) {
    log.warn(
      { error: (error as Error).message },
      'what is published for the cluster has no owner: uninstalling leaves it',
    );
    return undefined;
  }
}
