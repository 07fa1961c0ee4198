/** Patches of the HTTP filters of a connection manager. */
import type { envoy } from '../../envoy/generated/envoy';
import { PATCHED_MESSAGES } from '../../world';
import { HTTP_RBAC_FILTER, JWT_AUTHN_FILTER } from '../names';
import { editList, isMerge } from './named-list';
import type { Patch, Place } from './patch';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;

const ROUTER = ['envoy.filters.http.dynamic_forward_proxy', 'envoy.filters.http.router'];
const EDITS = ['envoy.filters.http.fault', 'envoy.filters.http.cors', ...ROUTER];
const AUTHORIZATION = [HTTP_RBAC_FILTER, 'envoy.filters.http.ext_authz', ...EDITS];

/** Before the first of which filters an added one goes. */
const FOLLOWERS: Record<Place, readonly string[]> = {
  BEFORE_AUTHN: [JWT_AUTHN_FILTER, ...AUTHORIZATION],
  BEFORE_AUTHZ: AUTHORIZATION,
  AFTER_AUTHZ: EDITS,
  LAST: ROUTER,
};

/** Configurations of filters by name, from patches of EXTENSION_CONFIG. */
export type ExtensionConfigs = ReadonlyMap<string, envoy.config.core.v3.TypedExtensionConfig>;

export function patchHttpFilters(
  filters: readonly HttpFilter[] | undefined,
  patch: Patch,
  extensions: ExtensionConfigs,
): readonly HttpFilter[] {
  const list = filters ?? [];
  const wanted = patch.match.listener?.filterChain?.filter?.subFilter?.name;
  const { '@type': type } = (patch.value['typed_config'] ?? {}) as { '@type'?: string };
  return editList(
    list,
    patch.isDiscovered ? patch : { ...patch, value: { ...resolved(patch.value as HttpFilter, extensions) } },
    {
      message: PATCHED_MESSAGES.HTTP_FILTER,
      // What says not which filter it changes changes those of its type.
      isMeant: ({ name, typed_config }) =>
        wanted ? name === wanted : !isMerge(patch) || !type || typed_config?.['@type'] === type,
      isNarrowed: wanted !== undefined && wanted !== '',
      end: placeIn(list, patch.place ?? 'LAST'),
    },
  );
}

/** Behind the last filter of that place would be behind the router, which answers; so it is before the next. */
function placeIn(filters: readonly HttpFilter[], place: Place): number {
  const at = filters.findIndex(({ name = '' }) => FOLLOWERS[place].includes(name));
  return at < 0 ? filters.length : at;
}

/** A filter of an EnvoyFilter that would be discovered on its own gets its configuration here and now: one resource, one version. */
function resolved(filter: HttpFilter, extensions: ExtensionConfigs): HttpFilter {
  const { config_discovery, ...rest } = filter;
  if (!config_discovery) return filter;
  const config = extensions.get(filter.name ?? '');
  if (!config) {
    throw new Error(
      `config_discovery finds no EXTENSION_CONFIG of the name '${filter.name ?? ''}'; add a patch with it`,
    );
  }
  return { ...rest, typed_config: config.typed_config };
}
