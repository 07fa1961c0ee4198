/**
 * Which Secrets and ConfigMaps the Gateway API's objects may refer to, for certificates and for what runs a Gateway: Gateways of our classes, ListenerSets
 * of such, and BackendTLSPolicies. What lies in another namespace is read only where a ReferenceGrant there lets them.
 */
import {
  BackendTLSPolicy,
  Gateway,
  GatewayClass,
  type ReferenceGrant as Grant,
  ListenerSet,
  ReferenceGrant,
} from '../../api/gateway-api';
import { isOfKind } from '../../api/kinds';
import type { KubeObject } from '../../api/object';
import { isValid } from '../../galley';
import { Grants, isOurs } from '../../world';
import type { CredentialName } from './credentials';

/** @param objects as the API server has them: those that Galley refuses refer to nothing. */
export function gatewayReferences(objects: readonly KubeObject[]): CredentialName[] {
  const owners: KubeObject[] = [];
  const gatewayClasses = new Map<string, GatewayClass>();
  const grants = new Map<string, Grant[]>();
  const file = (object: KubeObject): void => {
    const { namespace = 'default', name } = object.metadata;
    if (isOfKind(object, GatewayClass)) gatewayClasses.set(name, object as GatewayClass);
    else if (isOfKind(object, ReferenceGrant)) {
      grants.set(namespace, [...(grants.get(namespace) ?? []), object as Grant]);
    } else if ([Gateway, ListenerSet, BackendTLSPolicy].some((kind) => isOfKind(object, kind))) owners.push(object);
  };
  for (const object of objects) if (object.apiVersion.startsWith(GROUP) && isValid(object)) file(object);
  const ours = new Set(
    owners
      .filter(
        (owner) => isOfKind(owner, Gateway) && isOurs({ gatewayClasses }, (owner as Gateway).spec.gatewayClassName),
      )
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  );
  const known = new Grants(grants);
  return owners
    .filter((owner) => isOfKind(owner, BackendTLSPolicy) || ours.has(gatewayOf(owner)))
    .flatMap((owner) => referencesIn(owner.spec).flatMap((reference) => granted(known, owner, reference)));
}

const GROUP = 'gateway.networking.k8s.io/';

/** The Gateway itself, or the one that a ListenerSet adds to. */
function gatewayOf({ kind, metadata, spec }: KubeObject): string {
  if (kind === 'Gateway') return `${metadata.namespace}/${metadata.name}`;
  const { namespace = metadata.namespace, name } = (spec as ListenerSet['spec']).parentRef;
  return `${namespace}/${name}`;
}

interface Reference {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: unknown;
}

function granted(grants: Grants, owner: KubeObject, reference: Reference): CredentialName[] {
  const { group = '', kind = 'Secret', name } = reference;
  const own = owner.metadata.namespace ?? 'default';
  const namespace = reference.namespace ?? own;
  if (group !== '' || (kind !== 'Secret' && kind !== 'ConfigMap') || typeof name !== 'string') return [];
  const from = { group: GROUP.slice(0, -1), kind: owner.kind, namespace: own };
  return grants.allow(from, { group, kind, namespace, name }) ? [{ kind, namespace, name }] : [];
}

const FIELDS = new Set(['certificateRefs', 'caCertificateRefs', 'clientCertificateRef', 'parametersRef']);

/** What stands anywhere under the fields that name certificates, or what is said of a Gateway's objects. */
function referencesIn(value: unknown, isNamed = false): Reference[] {
  if (Array.isArray(value)) return value.flatMap((item) => referencesIn(item, isNamed));
  if (typeof value !== 'object' || value === null) return [];
  if (isNamed) return [value as Reference];
  return Object.entries(value).flatMap(([key, inner]) => referencesIn(inner, FIELDS.has(key)));
}
