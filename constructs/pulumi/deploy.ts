/**
 * The walk from charts to resources. A chart is a component, an object its child; what a chart depends on in cdk8s it
 * depends on here, and everything waits for the charts that bring CRDs and namespaces. Charts of members do not wait for
 * each other: Pulumi waits until a Deployment is ready, and services that need each other would wait for ever.
 */
import type * as kubernetes from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { App, Chart } from 'cdk8s';
import type { KubeObject } from '../../lib/api/object';
import { objectsOf } from '../rendered';
import { type ResourceArgs, resourceClass } from './resource-class';

export interface DeployOptions {
  /** The cluster. Default: Pulumi's, the current context of kubectl. */
  readonly provider?: kubernetes.Provider;
  /** What the components of the charts stand below. Default: the stack. */
  readonly parent?: pulumi.Resource;
}

/**
 * Declares every object of `app` as a Pulumi resource, named by the path of its construct.
 * @returns the resources by that name.
 * @throws when synthesis would: nothing is declared then.
 */
export function deploy(app: App, options: DeployOptions = {}): ReadonlyMap<string, pulumi.CustomResource> {
  check(app);
  const resources = new Map<string, pulumi.CustomResource>();
  const components = new Map<Chart, pulumi.ComponentResource>();
  const charts = app.charts.map((chart) => ({ chart, objects: objectsOf(chart) }));
  const foundations = charts.filter(({ objects }) => objects.some(({ kind }) => FOUNDATION.includes(kind)));
  for (const { chart, objects } of charts) {
    const isFoundation = foundations.some((foundation) => foundation.chart === chart);
    const before = [...chart.node.dependencies, ...(isFoundation ? [] : foundations.map(({ chart }) => chart))];
    const dependsOn = [...new Set(before)].flatMap((construct) => components.get(construct as Chart) ?? []);
    const component = new ChartComponent(chart.node.path, { parent: options.parent });
    components.set(chart, component);
    for (const object of objects) {
      const rendered = object.toJson() as KubeObject;
      const Resource = resourceClass(rendered.apiVersion, rendered.kind);
      const name = object.node.path.replace(/\/Resource$/, '');
      resources.set(
        name,
        new Resource(name, rendered as ResourceArgs, { parent: component, provider: options.provider, dependsOn }),
      );
    }
    component.complete();
  }
  return resources;
}

class ChartComponent extends pulumi.ComponentResource {
  constructor(name: string, options: pulumi.ComponentResourceOptions) {
    super('malha:index:Chart', name, {}, options);
  }

  /** Says that no child follows. */
  complete(): void {
    this.registerOutputs();
  }
}

/** Objects of other charts can only be made once these are there. */
const FOUNDATION = ['CustomResourceDefinition', 'Namespace'];

/** What `app.synth()` checks before it writes. */
function check(app: App): void {
  const errors = app.node
    .findAll()
    .flatMap((construct) => construct.node.validate().map((text) => `${construct.node.path}: ${text}`));
  if (errors.length > 0) throw new Error(`the program is not valid:\n  ${errors.join('\n  ')}`);
}
