/** Leave for the HTTPRoutes of a construct to send requests to Services of other namespaces. */
import { Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { ReferenceGrant } from './gateway-api';

export class ReferenceGrants extends Construct {
  private readonly byNamespace = new Map<string, Set<string>>();

  /** @param owner whose routes, by name and namespace. */
  constructor(
    scope: Construct,
    private readonly owner: { readonly name: string; readonly namespace: string },
  ) {
    super(scope, 'ReferenceGrants');
  }

  /** Services of one's own namespace need no leave. */
  allow(namespace: string, services: readonly string[]): void {
    if (namespace === this.owner.namespace) return;
    const known = this.byNamespace.get(namespace) ?? this.grantIn(namespace);
    for (const service of services) known.add(service);
  }

  private grantIn(namespace: string): Set<string> {
    const names = new Set<string>();
    this.byNamespace.set(namespace, names);
    const to = () => [...names].sort().map((name) => ({ group: '', kind: 'Service', name }));
    new ReferenceGrant(this, namespace, {
      metadata: { name: `${this.owner.namespace}-${this.owner.name}`, namespace },
      spec: {
        from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: this.owner.namespace }],
        to: Lazy.any({ produce: to }),
      },
    });
    return names;
  }
}
