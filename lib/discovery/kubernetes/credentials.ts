/**
 * Which Secrets and ConfigMaps a mesh needs: those that Gateways name, in the namespaces of the gateways' Pods, and those of
 * Ingresses, beside them or there. And those with which images of WebAssembly modules are pulled, in the namespaces of their objects.
 */
import { Gateway, type MeshConfig } from '../../api';
import { isOfKind } from '../../api/kinds';
import type { ConfigMap, Ingress, IngressClass } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import { isValid } from '../../galley';
import { ingressSelectorOf, isMeshConfig, isServedIngress, parseMeshConfig } from '../../world';
import { wishesOf } from '../oci/image-wish';
import { gatewayReferences } from './gateway-references';

export interface CredentialName {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
}

/** Where a Gateway asks clients for certificates, their authorities may be in a Secret of their own. */
const TRUST_SUFFIX = '-cacert';

/**
 * By kind, namespace and name: those that Istio's Gateways name, and those to which the Gateway API's may refer.
 * @param objects as the API server has them: nothing of them has been checked.
 */
export function namedCredentials(objects: readonly KubeObject[]): CredentialName[] {
  const found = new Map<string, CredentialName>();
  const named = [
    ...secretsOfGateways(objects),
    ...secretsOfIngresses(objects),
    ...gatewayReferences(objects),
    ...pullSecrets(objects),
  ];
  for (const { kind, namespace, name } of named) {
    if (isName(name)) found.set(`${kind} ${namespace}/${name}`, { kind, namespace, name });
  }
  return [...found.keys()].sort().map((key) => found.get(key)!);
}

function pullSecrets(objects: readonly KubeObject[]): CredentialName[] {
  return wishesOf(objects).flatMap(({ namespace, pullSecret }) =>
    pullSecret ? [{ kind: 'Secret' as const, namespace, name: pullSecret }] : [],
  );
}

function secretsOfGateways(objects: readonly KubeObject[]): CredentialName[] {
  const gateways: KubeObject[] = [];
  const pods: KubeObject[] = [];
  for (const object of objects) {
    if (isOfKind(object, Gateway)) gateways.push(object);
    else if (object.kind === 'Pod' && object.apiVersion === 'v1') pods.push(object);
  }
  return gateways.flatMap((gateway) => {
    const names = credentialsOf(gateway);
    if (names.length === 0) return [];
    return [...namespacesOf(gateway, pods)].flatMap((namespace) =>
      names.map((name) => ({ kind: 'Secret' as const, namespace, name })),
    );
  });
}

function secretsOfIngresses(objects: readonly KubeObject[]): CredentialName[] {
  const all = objects.filter((object) => object.kind === 'Ingress' && isNetworking(object)) as Ingress[];
  if (all.length === 0) return [];
  const classes = new Map(
    (objects.filter((object) => object.kind === 'IngressClass' && isNetworking(object)) as IngressClass[]).map(
      ({ metadata, spec }) => [metadata.name, spec?.controller],
    ),
  );
  const config = meshConfigIn(objects);
  const pods = objects.filter(({ kind, apiVersion }) => kind === 'Pod' && apiVersion === 'v1');
  const ofGateways = namespacesOf({ spec: { selector: ingressSelectorOf(config) } }, pods);
  return all
    .filter((ingress) => isValid(ingress) && isServedIngress(ingress, config, (name) => classes.get(name)))
    .flatMap(({ metadata, spec }) =>
      (spec?.tls ?? []).flatMap(({ secretName: name }) =>
        name === undefined
          ? []
          : [metadata.namespace!, ...ofGateways].map((namespace) => ({ kind: 'Secret' as const, namespace, name })),
      ),
    );
}

/** Of the ConfigMaps, only the mesh's own is listed as a whole (`resource.ts`). */
function meshConfigIn(objects: readonly KubeObject[]): MeshConfig {
  const maps = objects.filter((object) => object.kind === 'ConfigMap' && isMeshConfig(object)) as ConfigMap[];
  const text = maps.find(({ data }) => data?.['mesh'] !== undefined)?.data?.['mesh'];
  return (text !== undefined && parseMeshConfig(text)) || {};
}

function isNetworking({ apiVersion }: KubeObject): boolean {
  return apiVersion.startsWith('networking.k8s.io/');
}

function credentialsOf(gateway: KubeObject): string[] {
  const { servers } = (gateway.spec ?? {}) as { servers?: unknown };
  return list(servers).flatMap((server) => {
    const { credentialName, mode } = ((server as { tls?: unknown } | null)?.tls ?? {}) as Record<string, unknown>;
    if (typeof credentialName !== 'string' || !isName(credentialName)) return [];
    const asksClients = mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL';
    return asksClients ? [credentialName, credentialName + TRUST_SUFFIX] : [credentialName];
  });
}

function namespacesOf(gateway: Pick<KubeObject, 'spec'>, pods: readonly KubeObject[]): Set<string> {
  const selector = Object.entries((gateway.spec as { selector?: Record<string, unknown> }).selector ?? {});
  const selected = pods.filter(({ metadata }) => selector.every(([key, value]) => metadata.labels?.[key] === value));
  return new Set(selected.map(({ metadata }) => metadata.namespace!));
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A name that can stand in a path and a field selector. */
function isName(text: string): boolean {
  return text.length <= 253 - TRUST_SUFFIX.length && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text);
}
