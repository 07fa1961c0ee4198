/** What a route sends its requests to, and what is wrong with a reference. */
import type { Destination } from '../../api';
import type { BackendObjectReference } from '../../api/gateway-api';
import type { KubeObject } from '../../api/object';
import { serviceHostname } from '../hostname';
import type { Problem } from './conditions';
import type { Lookup } from './lookup';

export interface ResolvedBackend {
  readonly destination?: Destination;
  readonly problem?: Problem;
}

/** A reference of `route` to a Service, resolved. */
export function resolveBackend(lookup: Lookup, route: KubeObject, reference: BackendObjectReference): ResolvedBackend {
  const { group = '', kind = 'Service', name, port } = reference;
  const own = route.metadata.namespace ?? 'default';
  const namespace = reference.namespace ?? own;
  if (group !== '' || kind !== 'Service') {
    const what = group ? `${kind}.${group}` : kind;
    return problem('InvalidKind', `backends are Services, got ${what} ${name}`);
  }
  const from = { group: 'gateway.networking.k8s.io', kind: route.kind, namespace: own };
  if (!lookup.grants.allow(from, { group, kind, namespace, name })) {
    return problem(
      'RefNotPermitted',
      `no ReferenceGrant in ${namespace} lets ${route.kind}s of ${own} refer to Service ${name}`,
    );
  }
  const service = lookup.service(namespace, name);
  if (!service) return problem('BackendNotFound', `there is no Service ${namespace}/${name}`);
  if (port === undefined)
    return problem('BackendNotFound', `the backend Service ${namespace}/${name} has no port in its reference`);
  const found = service.spec?.ports?.filter((each) => each.port === port) ?? [];
  if (found.length === 0) return problem('BackendNotFound', `Service ${namespace}/${name} has no port ${port}`);
  if (found.every(({ protocol = 'TCP' }) => protocol !== 'TCP')) {
    const { protocol } = found[0]!;
    return problem(
      'UnsupportedProtocol',
      `${route.kind}s are for TCP, and port ${port} of ${namespace}/${name} is ${protocol}`,
    );
  }
  return { destination: { host: serviceHostname(name, namespace), port: { number: port } } };
}

function problem(reason: string, message: string): ResolvedBackend {
  return { problem: { reason, message } };
}
