/**
 * What a Gateway's `infrastructure.parametersRef` says of the objects that are made for it: a ConfigMap of its namespace, whose keys hold, in
 * YAML, what is laid over each of them (https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment).
 *
 * The control plane makes these objects with rights of its own, so a ConfigMap may say only what gives its author nothing: not
 * which image runs, as whom, with what volumes, under what account.
 */
import { parse } from 'yaml';
import type { Gateway } from '../../api/gateway-api';
import type { ConfigMap } from '../../api/kubernetes';
import type { Problem } from './conditions';

/** The keys of the ConfigMap. */
export type ParameterKey =
  | 'deployment'
  | 'service'
  | 'serviceAccount'
  | 'horizontalPodAutoscaler'
  | 'podDisruptionBudget';

/** What is laid over the objects; `null` takes a field away. */
export type InfrastructureOverlays = { readonly [K in ParameterKey]?: Readonly<Record<string, unknown>> };

export type Parameters = { readonly overlays: InfrastructureOverlays } | { readonly problem: Problem };

/** What may be said: all below a field, some of its fields, or some fields of the list's element with that name. */
type Allowed = true | { readonly [field: string]: Allowed } | { readonly element: string; readonly fields: Allowed };

const METADATA: Allowed = { labels: true, annotations: true };

const fields = (...names: string[]) => Object.fromEntries(names.map((name) => [name, true as const]));

const ALLOWED: Record<ParameterKey, Allowed> = {
  deployment: {
    metadata: METADATA,
    spec: {
      ...fields('replicas', 'strategy', 'minReadySeconds', 'progressDeadlineSeconds', 'revisionHistoryLimit'),
      template: {
        metadata: METADATA,
        spec: {
          ...fields(
            'affinity',
            'nodeSelector',
            'tolerations',
            'topologySpreadConstraints',
            'terminationGracePeriodSeconds',
          ),
          containers: { element: 'istio-proxy', fields: fields('resources') },
        },
      },
    },
  },
  service: {
    metadata: METADATA,
    spec: fields(
      ...['type', 'loadBalancerClass', 'loadBalancerIP', 'loadBalancerSourceRanges', 'allocateLoadBalancerNodePorts'],
      ...['externalTrafficPolicy', 'internalTrafficPolicy', 'trafficDistribution', 'ipFamilies', 'ipFamilyPolicy'],
      ...['sessionAffinity', 'sessionAffinityConfig', 'healthCheckNodePort'],
    ),
  },
  serviceAccount: { metadata: METADATA },
  horizontalPodAutoscaler: { metadata: METADATA, spec: fields('minReplicas', 'maxReplicas', 'metrics', 'behavior') },
  podDisruptionBudget: {
    metadata: METADATA,
    spec: fields('minAvailable', 'maxUnavailable', 'unhealthyPodEvictionPolicy'),
  },
};

export const PARAMETER_KEYS: readonly string[] = Object.keys(ALLOWED);

/** Undefined where the Gateway names none. */
export function parametersOf(
  { metadata, spec }: Gateway,
  configMap: (namespace: string, name: string) => ConfigMap | undefined,
): Parameters | undefined {
  const reference = spec.infrastructure?.parametersRef;
  if (!reference) return undefined;
  const { group, kind, name } = reference;
  if (group !== '' || kind !== 'ConfigMap')
    return invalid(`infrastructure.parametersRef is a ConfigMap of the group "", got ${kind} of "${group}"`);
  const found = configMap(metadata.namespace ?? 'default', name);
  if (!found) return invalid(`ConfigMap ${name} does not exist`);
  const overlays: Record<string, Record<string, unknown>> = {};
  for (const [key, text] of Object.entries(found.data ?? {})) {
    const where = `ConfigMap ${name}, ${key}`;
    if (!Object.hasOwn(ALLOWED, key)) return invalid(`${where}: the keys are ${PARAMETER_KEYS.join(', ')}`);
    const overlay = readObject(text);
    if (!overlay) return invalid(`${where} is not an object in YAML`);
    const path = foreignPath(overlay, ALLOWED[key as ParameterKey], '');
    if (path) return invalid(`${where}: ${path} cannot be set; docs/gateway-api.md tells what can`);
    overlays[key] = overlay;
  }
  return { overlays };
}

function invalid(message: string): { readonly problem: Problem } {
  return { problem: { reason: 'InvalidParameters', message } };
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = parse(text, { maxAliasCount: 0 });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The first path that is not allowed; undefined where all is. */
function foreignPath(value: unknown, allowed: Allowed, path: string): string | undefined {
  if (allowed === true || value === null) return undefined;
  if ('element' in allowed) return foreignElement(value, allowed as { element: string; fields: Allowed }, path);
  if (!isObject(value)) return path;
  for (const [key, inner] of Object.entries(value)) {
    const at = path ? `${path}.${key}` : key;
    const below = Object.hasOwn(allowed, key) ? allowed[key] : undefined;
    const foreign = below === undefined ? at : foreignPath(inner, below, at);
    if (foreign) return foreign;
  }
  return undefined;
}

function foreignElement(value: unknown, allowed: { element: string; fields: Allowed }, path: string) {
  if (!Array.isArray(value)) return path;
  for (const [i, item] of value.entries()) {
    const { name, ...rest } = isObject(item) ? item : { name: undefined };
    if (name !== allowed.element) return `${path}[${i}]`;
    const foreign = foreignPath(rest, allowed.fields, `${path}[${i}]`);
    if (foreign) return foreign;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
