/** Which of the route configurations in parts is asked: what `gateway-shards.ts` has Envoy compute, read from its resources. */
import type { envoy } from '../envoy/generated/envoy';
import type { Snapshot } from '../envoy/resource';
import { SimulationError } from './simulation-error';
import { re2 } from './string-matcher';

type HttpConnectionManager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
type HeaderMutation = envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation;
type Scope = envoy.config.route.v3.ScopedRouteConfiguration;

/** The name of the route configuration for an authority; undefined where no scope has the key. */
export function scopedRouteName(
  { scopes }: Pick<Snapshot, 'scopes'>,
  { scoped_routes: scoped, early_header_mutation_extensions: early = [] }: HttpConnectionManager,
  authority: string,
): string | undefined {
  const extractor = scoped?.scope_key_builder?.fragments?.[0]?.header_value_extractor;
  const mutations = early.flatMap(({ typed_config }) => (typed_config as HeaderMutation | undefined)?.mutations ?? []);
  const header = mutations.find(({ append }) => append?.header?.key === extractor?.name)?.append?.header;
  if (!header?.value) throw SimulationError.unknown('a scope without a header of ours', scoped?.name ?? '');
  const key = formatted(header.value, authority);
  const scope = scopes.find(({ message }) => (message as Scope).key?.fragments?.[0]?.string_key === key);
  return (scope?.message as Scope | undefined)?.route_configuration_name;
}

const MATCHES = /%CEL\(request\.host\.matches\("([^"]*)"\) \? "([^"]*)" : "([^"]*)"\)%/g;

function formatted(template: string, authority: string): string {
  const text = template.replace(MATCHES, (_, regex: string, yes: string, no: string) =>
    re2(regex).matcher(authority).find() ? yes : no,
  );
  if (/(?<!%)%(?!%)/.test(text.replaceAll('%%', ''))) throw SimulationError.unknown('a command', text);
  return text.replaceAll('%%', '%');
}
