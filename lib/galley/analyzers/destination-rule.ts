/** Routes lead to subsets that a DestinationRule defines. */
import { DestinationRule } from '../../api/networking/destination-rule';
import { VirtualService } from '../../api/networking/virtual-service';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { nearest } from '../nearest';
import type { Analysis } from './analysis';
import { destinationsOf } from './destinations';
import { HostIndex } from './host-index';
import { fullName, isVisible, namespaceOf, visibility } from './names';

const NAME = 'virtualservice.DestinationRuleAnalyzer';

interface Subsets {
  names: string[];
  visibleIn: ReadonlySet<string>;
}

export function destinationRule(analysis: Analysis): Finding[] {
  const subsets = new HostIndex<Subsets>();
  for (const rule of analysis.of<DestinationRule>(DestinationRule)) {
    const namespace = namespaceOf(rule);
    const names = (rule.spec.subsets ?? []).map((subset) => subset.name);
    subsets.add(fullName(rule.spec.host, namespace), { names, visibleIn: visibility(rule.spec.exportTo, namespace) });
  }
  return analysis.of<VirtualService>(VirtualService).flatMap((object) => {
    const namespace = namespaceOf(object);
    return destinationsOf(object.spec).flatMap(({ destination, path }) => {
      if (!destination.subset) {
        return [];
      }
      const names = subsets
        .overlapping(fullName(destination.host, namespace))
        .filter((known) => isVisible(known.visibleIn, namespace))
        .flatMap((known) => known.names);
      return names.includes(destination.subset)
        ? []
        : [missing(object, destination.host, destination.subset, names, path)];
    });
  });
}

function missing(
  object: VirtualService,
  host: string,
  subset: string,
  names: readonly string[],
  path: string,
): Finding {
  const near = nearest(subset, names);
  const known =
    names.length > 0 ? `its subsets are ${names.join(', ')}` : 'no DestinationRule defines any subset of it';
  const fix = near ? `write ${near}` : `add the subset ${subset} to the DestinationRule of ${host}`;
  return findingAbout(object, 'IST0101', NAME, {
    path: `${path}.subset`,
    message: `${host} has no subset ${subset}, ${known}`,
    fix,
  });
}
