/**
 * The control plane as one of several in its cluster: who leads, where the authority is kept, who reviews tokens, and what the
 * leader answers and publishes. Wiring only; the parts are in lib/cluster.
 */
import type { KubeObject } from '../../lib/api/object';
import { meshAnchorName, meshLabel } from '../../lib/api/ownership';
import { DEFAULT_REVISION, MESH_LEASE, REVISION_LABEL, revisionLease } from '../../lib/api/revisions';
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
import { type KubeClient, type Leadership, LeaseLeadership, type LeaseOptions } from '../../lib/discovery/kubernetes';
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
  /** Of what is done once in the mesh, whatever its revisions. */
  readonly leadership: Leadership;
  /** Of what each revision does for itself. */
  readonly ofRevision: Leadership;
  readonly storage: Storage | undefined;
  readonly tokenReviews: TokenReviewApi;
  /** All objects there are, each time some have changed. */
  see(objects: readonly KubeObject[]): void;
  /** Begins to answer and to publish, whenever it leads. */
  serve(citadel: Citadel): Promise<void>;
  close(): Promise<void>;
}

interface MembershipPlace {
  readonly api: KubeClient;
  readonly namespace: string;
  /** By which namespaces ask for this revision. Whoever is asked for by default leads the mesh while it can. */
  readonly names?: () => ReadonlySet<string>;
  readonly log: Logger;
}

export function joinCluster(options: MembershipOptions, { api, namespace, names, log }: MembershipPlace): Membership {
  const { revision = DEFAULT_REVISION, identity = 'podCertificate' } = options;
  const lease = (name: string, what: string, more: Partial<LeaseOptions> = {}) => {
    const leadership = new LeaseLeadership({
      api,
      namespace,
      name,
      labels: meshLabel(namespace),
      holder: process.env.POD_NAME ?? 'control-plane',
      onTrouble(trouble) {
        if (trouble !== undefined) log.warn({ lease: name, error: trouble }, 'a Lease cannot be read or written');
      },
      ...more,
    });
    const title = `this replica leads${what}`;
    leadership.subscribe((leads) => log.info({ leads, revision }, leads ? title : `${title} no more`));
    return leadership;
  };
  const own = lease(revisionLease(revision), ' its revision', {
    labels: { ...meshLabel(namespace), [REVISION_LABEL]: revision },
  });
  // Of each revision one may lead the mesh. So a replica of a release that had one Lease for both, its revision's, is never led beside.
  const leadership = lease(MESH_LEASE, '', {
    mayHold: () => own.isLeader(),
    isPreferred: () => names?.().has(DEFAULT_REVISION) ?? false,
  });
  own.subscribe(() => leadership.hurry());
  own.start();
  leadership.start();
  const tellUnwatched = toldOnce(log, 'the authority is looked at now and then: its Secret cannot be watched');
  const open: { close(): void }[] = [];
  let configMaps: Publication | undefined;
  let namespaces: readonly KubeObject[] = [];
  return {
    leadership,
    ofRevision: own,
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
      const published = webhookTrust({ ...place, leadership: own }, roots, revision).map(publish);
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
      await own.close();
    },
  };
}

/** A ClusterRole of the manifests that allows nothing: it is theirs in any case, and no revision's. */
async function ownersOf(api: KubeClient, namespace: string, log: Logger) {
  const name = meshAnchorName(namespace);
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
