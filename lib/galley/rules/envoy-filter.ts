/** The rules of EnvoyFilter: what is changed, where, and how have to fit together. */
import type {
  EnvoyConfigObjectMatch,
  EnvoyConfigObjectPatch,
  EnvoyFilterSpec,
} from '../../api/networking/envoy-filter';
import { canonical } from '../../envoy/canonical';
import { MessageError } from '../../envoy/message';
import { BOOTSTRAP_MESSAGE, BOOTSTRAP_OPERATIONS, isPatched, PATCHED_MESSAGES } from '../../world';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkNetworkingSelector, checkTargets } from './labels';
import { checkPort } from './port';
import { problemOfRegex } from './string-match';

export function checkEnvoyFilter(spec: EnvoyFilterSpec, check: Check): void {
  if (!spec.workloadSelector && !spec.targetRefs?.length) {
    check.warning(
      'without workloadSelector the filter holds for every proxy of the namespace',
      'add a workloadSelector',
    );
  }
  checkNetworkingSelector(spec.workloadSelector, check.at('workloadSelector'));
  checkTargets(spec, check);
  check.at('configPatches').each(spec.configPatches, checkPatch);
}

function checkPatch(entry: EnvoyConfigObjectPatch, check: Check): void {
  const { applyTo, patch, match } = entry;
  if (!applyTo || applyTo === 'INVALID') {
    check.at('applyTo').error('applyTo is missing');
  } else if (!patch) {
    check.at('patch').error('patch is missing');
  } else if (!patch.operation || patch.operation === 'INVALID') {
    check.at('patch', 'operation').error('operation is missing');
  } else if (patch.operation !== 'REMOVE' && !patch.value) {
    check.at('patch', 'value').error(`value is missing, the operation ${patch.operation} needs it`);
  }
  const before = check.all().length;
  checkTypes(patch?.value, check.at('patch', 'value'), 0);
  if (check.all().length === before && patch?.value && patch.operation !== 'REMOVE' && isPatched(applyTo)) {
    checkValue(PATCHED_MESSAGES[applyTo], patch.value, check.at('patch', 'value'));
  }
  if (applyTo === 'BOOTSTRAP') checkBootstrap(entry, check);
  if (match) {
    checkMatch(match, check.at('match'));
    checkFit(applyTo, match, check.at('match'));
  }
}

/** Made once, by whoever makes the Pod: there is nothing else in it to look for. */
function checkBootstrap({ patch, match }: EnvoyConfigObjectPatch, check: Check): void {
  const { operation, value } = patch ?? {};
  if (operation && operation !== 'INVALID' && !BOOTSTRAP_OPERATIONS.includes(operation)) {
    const allowed = `a bootstrap is merged: ${BOOTSTRAP_OPERATIONS.join(' or ')}`;
    check.at('patch', 'operation').unserved(`the patch is not applied: ${allowed}, got ${operation}`);
  } else if (value) {
    checkValue(BOOTSTRAP_MESSAGE, value, check.at('patch', 'value'));
  }
  if (match?.proxy?.proxyVersion || Object.keys(match?.proxy?.metadata ?? {}).length > 0) {
    check
      .at('match', 'proxy')
      .unserved('the patch is not applied: before it has started, a proxy says nothing of itself');
  }
}

function checkMatch(match: EnvoyConfigObjectMatch, check: Check): void {
  const version = match.proxy?.proxyVersion;
  const problem = version ? problemOfRegex(version) : undefined;
  if (problem) {
    check.at('proxy', 'proxyVersion').error(problem);
  }
  if ((match.context === 'WAYPOINT') !== (match.waypoint !== undefined)) {
    check.error('a waypoint match and the context WAYPOINT come together', 'set both, or none of them');
  }
  if (match.waypoint?.portNumber !== undefined) {
    checkPort(match.waypoint.portNumber, check.at('waypoint', 'portNumber'));
  }
}

const OBJECTS: Record<string, 'listener' | 'routeConfiguration' | 'cluster'> = {
  LISTENER: 'listener',
  FILTER_CHAIN: 'listener',
  NETWORK_FILTER: 'listener',
  HTTP_FILTER: 'listener',
  ROUTE_CONFIGURATION: 'routeConfiguration',
  VIRTUAL_HOST: 'routeConfiguration',
  HTTP_ROUTE: 'routeConfiguration',
  CLUSTER: 'cluster',
};

const HTTP_CONNECTION_MANAGER = 'envoy.filters.network.http_connection_manager';

/** A match names objects of the class that is changed. */
function checkFit(applyTo: string | undefined, match: EnvoyConfigObjectMatch, check: Check): void {
  const wanted = OBJECTS[applyTo ?? ''];
  const other = (['listener', 'routeConfiguration', 'cluster'] as const).find(
    (object) => object !== wanted && match[object] !== undefined,
  );
  if (wanted && other) {
    check.at(other).error(`a match for ${applyTo} is about ${wanted}, got ${other}`, `use ${wanted}`);
    return;
  }
  const filter = match.listener?.filterChain?.filter;
  if (!filter || !wanted) {
    return;
  }
  const at = check.at('listener', 'filterChain', 'filter');
  if (applyTo === 'LISTENER' || applyTo === 'FILTER_CHAIN') {
    at.warning(`the match of a filter has no effect for ${applyTo}`, 'leave it out');
  }
  if (!filter.name) {
    at.at('name').error('name is missing');
  } else if (filter.subFilter) {
    if (applyTo !== 'HTTP_FILTER') {
      at.at('subFilter').error(`a subFilter is only for HTTP_FILTER, got ${applyTo}`);
    } else if (filter.name !== HTTP_CONNECTION_MANAGER && filter.name !== 'envoy.http_connection_manager') {
      at.at('name').error(`a subFilter is only within ${HTTP_CONNECTION_MANAGER}, got ${shown(filter.name)}`);
    } else if (!filter.subFilter.name) {
      at.at('subFilter', 'name').error('name is missing');
    }
  }
}

/** The value is what Envoy reads there. A message that this version does not know is left to those who do. */
function checkValue(message: string, value: unknown, check: Check): void {
  try {
    canonical(message, value);
  } catch (error) {
    const { path, problem } = MessageError.of(error);
    const at = check.below(path);
    if (path.endsWith('@type') && problem.startsWith('is no message'))
      at.unserved(`the patch is not applied: ${problem}`);
    else at.error(problem);
  }
}

/** Envoy has no version 2 of its API any more. */
function checkTypes(value: unknown, check: Check, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > 64) {
    return;
  }
  for (const [key, field] of Object.entries(value)) {
    if (key === '@type' && typeof field === 'string' && /\.v2(alpha)?\./.test(field)) {
      check.at(key).error(`${shown(field)} is of version 2 of Envoy's API, which is gone`, 'use the type of version 3');
    } else {
      checkTypes(field, check.at(Array.isArray(value) ? Number(key) : key), depth + 1);
    }
  }
}
