/** Routes by claims of tokens are for gateways that check tokens. */
import { Gateway } from '../../api/networking/gateway';
import { VirtualService } from '../../api/networking/virtual-service';
import { objectName } from '../../api/object';
import { RequestAuthentication } from '../../api/security/request-authentication';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { join } from '../path';
import type { Analysis } from './analysis';
import { carries, type Labels } from './label-selector';
import { keyOf, namespaceOf } from './names';
import type { KnownWorkload } from './workloads';

const NAME = 'virtualservice.JWTClaimRouteAnalyzer';
const CLAIM = '@request.auth.claims';

export function jwtClaimRoutes(analysis: Analysis): Finding[] {
  const gateways = new Map(analysis.of<Gateway>(Gateway).map((gateway) => [keyOf(gateway), gateway]));
  const selectors = new Map<string, (Labels | undefined)[]>();
  for (const policy of analysis.of<RequestAuthentication>(RequestAuthentication)) {
    const namespace = namespaceOf(policy);
    selectors.set(namespace, [...(selectors.get(namespace) ?? []), policy.spec?.selector?.matchLabels]);
  }
  const checks = ({ namespace, labels }: KnownWorkload) =>
    [analysis.rootNamespace, namespace].some((of) =>
      (selectors.get(of) ?? []).some((wanted) => carries(labels, wanted)),
    );
  return analysis.of<VirtualService>(VirtualService).flatMap((object) => {
    const claim = claimIn(object);
    if (!claim) {
      return [];
    }
    return (object.spec.gateways ?? []).flatMap((name) => {
      const key = name.includes('/')
        ? name.replace(/^\.\//, `${namespaceOf(object)}/`)
        : `${namespaceOf(object)}/${name}`;
      const gateway = gateways.get(key);
      const unchecked = gateway
        ? analysis.workloads.matching(gateway.spec.selector).filter((workload) => !checks(workload))
        : [];
      return unchecked.map((workload) => {
        const message = `${claim.name} is matched at the gateway ${key}, whose proxy ${objectName(workload.object)} checks no tokens`;
        return findingAbout(object, 'IST0149', NAME, { path: claim.path, message });
      });
    });
  });
}

/** The first match by a claim. */
function claimIn(object: VirtualService): { name: string; path: string } | undefined {
  for (const [index, route] of (object.spec.http ?? []).entries()) {
    for (const [place, match] of (route.match ?? []).entries()) {
      for (const field of ['headers', 'withoutHeaders'] as const) {
        const name = Object.keys(match[field] ?? {}).find((header) => header.startsWith(CLAIM));
        if (name) {
          return { name, path: join(`spec.http[${index}].match[${place}].${field}`, name) };
        }
      }
    }
  }
  return undefined;
}
