/** Typed patches of what the translator makes, for what the mesh API has no words. */
import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { apiVersionOf, EnvoyFilter } from '../../lib/api';
import type { IMeshService } from '../service-version';
import type { EnvoyChange } from './envoy-change';

/** What is changed, and whose proxies. */
export interface EnvoyPatchProps {
  /** In order; each sees what those before it did. */
  readonly changes: readonly EnvoyChange[];
  /** Whose sidecars. Default: all proxies of the chart's namespace. */
  readonly service?: IMeshService;
  /** The labels of the workloads, where they are not of one service, such as a gateway's. Default: the service's. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The order among patches; a smaller number comes first. Default 10: after EnvoyFilters that say none. */
  readonly priority?: number;
}

/**
 * Changes Envoy's configuration, written out as an EnvoyFilter. Values have Envoy's own types, so an upgrade that takes a
 * field away breaks the build; synthesis checks them once more against Envoy's API, and tells the path of what is wrong.
 */
export class EnvoyPatch extends Construct {
  constructor(scope: Construct, id: string, props: EnvoyPatchProps) {
    super(scope, id);
    const { changes, service, priority = 10 } = props;
    const labels = props.labels ?? service?.podLabels;
    new ApiObject(this, 'EnvoyFilter', {
      apiVersion: apiVersionOf(EnvoyFilter),
      kind: EnvoyFilter.kind,
      metadata: service
        ? { name: `${service.name}-${id.toLowerCase()}`, namespace: service.namespace }
        : { name: id.toLowerCase() },
      spec: {
        ...(labels && { workloadSelector: { labels: { ...labels } } }),
        priority,
        configPatches: changes.map(({ entry }) => entry),
      },
    });
  }
}
