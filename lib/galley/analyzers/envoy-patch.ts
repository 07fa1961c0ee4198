/** Patches of EnvoyFilters do something, whatever the order in which filters are applied. */
import { type EnvoyConfigObjectPatch, EnvoyFilter } from '../../api/networking/envoy-filter';
import { type Code, findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';

const NAME = 'envoyfilter.EnvoyPatchAnalyzer';

export function envoyPatches(analysis: Analysis): Finding[] {
  // The names of filters that are patched for proxies of one version, so far.
  const versioned = new Set<string>();
  return analysis.of<EnvoyFilter>(EnvoyFilter).flatMap((filter) => {
    // What there is to do is done once for the object, so that each code is told once.
    const findings = new Map<Code, Finding>();
    for (const [index, entry] of (filter.spec?.configPatches ?? []).entries()) {
      if (!entry.patch) {
        break;
      }
      const name = filterName(entry);
      const code = problemOf(entry, filter.spec?.priority ?? 0, versioned.has(name));
      if (code && !findings.has(code)) {
        findings.set(code, told(filter, code, entry, index));
      }
      if (entry.match?.proxy?.proxyVersion) {
        versioned.add(name);
      }
    }
    return [...findings.values()];
  });
}

/** What the patch adds or changes, by name: its own, else that of the filter that it matches. */
function filterName({ patch, match }: EnvoyConfigObjectPatch): string {
  if (!patch?.value) {
    return '';
  }
  const name = patch.value['name'];
  return typeof name === 'string' ? name : (match?.listener?.filterChain?.filter?.name ?? '');
}

/** What has a name by which it is found. */
const REPLACEABLE = new Set(['NETWORK_FILTER', 'HTTP_FILTER', 'LISTENER_FILTER', 'VIRTUAL_HOST']);

function problemOf({ applyTo, patch }: EnvoyConfigObjectPatch, priority: number, versioned: boolean): Code | undefined {
  const ofRoutes = applyTo === 'ROUTE_CONFIGURATION' || applyTo === 'HTTP_ROUTE';
  // Its place depends on what others did before.
  const relative: Code | undefined = priority !== 0 ? undefined : versioned ? 'IST0155' : 'IST0151';
  switch (patch?.operation) {
    case 'ADD':
      return ofRoutes ? 'IST0153' : undefined;
    case 'REMOVE':
      return ofRoutes ? 'IST0154' : relative;
    case 'REPLACE':
      return REPLACEABLE.has(applyTo ?? '') ? relative : 'IST0152';
    case 'INSERT_BEFORE':
    case 'INSERT_AFTER':
      return relative;
    default:
      return undefined;
  }
}

function told(filter: EnvoyFilter, code: Code, { applyTo, patch }: EnvoyConfigObjectPatch, index: number): Finding {
  const messages: Partial<Record<Code, string>> = {
    IST0151: `what the operation ${patch?.operation} does depends on the order of EnvoyFilters, and priority is not set`,
    IST0152: `the operation REPLACE is for filters and virtual hosts, got ${applyTo}`,
    IST0153: `the operation ADD does nothing for ${applyTo}`,
    IST0154: `the operation REMOVE does nothing for ${applyTo}`,
    IST0155: `what the operation ${patch?.operation} does depends on the order of EnvoyFilters and on the proxy's version, and priority is not set`,
  };
  return findingAbout(filter, code, NAME, {
    path: `spec.configPatches[${index}].patch`,
    message: messages[code] ?? '',
  });
}
