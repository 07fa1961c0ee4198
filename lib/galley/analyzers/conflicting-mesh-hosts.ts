/** A host is routed for sidecars by one VirtualService only, in each namespace that sees it. */
import { VirtualService } from '../../api/networking/virtual-service';
import { type KubeObject, objectName } from '../../api/object';
import { originOf } from '../../api/origin';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { HostIndex } from './host-index';
import { fullName, namespaceOf, visibility } from './names';

const NAME = 'virtualservice.ConflictingMeshGatewayHostsAnalyzer';

interface Claim {
  object: VirtualService;
  scope: string;
  host: string;
  path: string;
}

/**
 * Two objects conflict when they claim the same host for the same namespaces, or when one claims for its namespaces what
 * another claims for all. There wildcards count too; among claims for all, a narrower host simply wins over a wildcard.
 */
export function conflictingMeshHosts(analysis: Analysis): Finding[] {
  const claims = analysis.of<VirtualService>(VirtualService).flatMap(claimsOf);
  const scoped = new Map<string, Claim[]>();
  const forAll = new HostIndex<Claim>();
  for (const claim of claims) {
    const key = `${claim.scope}/${claim.host}`;
    scoped.set(key, [...(scoped.get(key) ?? []), claim]);
    if (claim.scope === '*') {
      forAll.add(claim.host, claim);
    }
  }
  const conflicts = new Map<KubeObject, { claim: Claim; others: Set<KubeObject> }>();
  const note = (claim: Claim, other: Claim) => {
    if (claim.object !== other.object) {
      const conflict = conflicts.get(claim.object) ?? { claim, others: new Set() };
      conflict.others.add(other.object);
      conflicts.set(claim.object, conflict);
    }
  };
  for (const claim of claims) {
    const others = scoped.get(`${claim.scope}/${claim.host}`)!;
    // Everyone against everyone would be a page of text; a few names are enough to find the others.
    for (const other of others.slice(0, 8)) {
      note(claim, other);
    }
    for (const other of claim.scope === '*' ? [] : forAll.overlapping(claim.host)) {
      note(claim, other);
      note(other, claim);
    }
  }
  return [...conflicts.values()].map(({ claim, others }) => conflictFinding(claim, [...others]));
}

function claimsOf(object: VirtualService): Claim[] {
  const { spec } = object;
  if (spec.gateways?.length && !spec.gateways.includes('mesh')) {
    return [];
  }
  const namespace = namespaceOf(object);
  return [...visibility(spec.exportTo, namespace)].flatMap((scope) =>
    (spec.hosts ?? []).map((host, index) => ({
      object,
      scope,
      host: fullName(host, namespace),
      path: `spec.hosts[${index}]`,
    })),
  );
}

function conflictFinding(claim: Claim, others: readonly KubeObject[]): Finding {
  const names = others.slice(0, 8).map(whereabouts).join(', ');
  const message = `the host ${claim.host} is claimed by ${names} too; only one of them is used for sidecars`;
  return findingAbout(claim.object, 'IST0109', NAME, { path: claim.path, message });
}

function whereabouts(object: KubeObject): string {
  const origin = originOf(object);
  const place = origin?.construct ?? (origin?.file ? `${origin.file}:${origin.line}` : undefined);
  return place ? `${objectName(object)} (${place})` : objectName(object);
}
