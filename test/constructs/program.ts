/** A small program to test constructs in, and its objects. */
import { App, Chart } from 'cdk8s';
import { Mesh, type MeshProps } from '../../constructs';
import type { KubeObject } from '../../lib/api/object';

export class Program {
  readonly app = new App();
  readonly mesh: Mesh;
  readonly shop: Chart;

  constructor(props: MeshProps = {}) {
    this.mesh = new Mesh(this.app, 'mesh', props);
    this.shop = new Chart(this.app, 'shop', { namespace: 'shop' });
  }

  /** Every object, in the order in which it would be written. */
  get objects(): KubeObject[] {
    return objectsOf(this.app);
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of any kind
  object(kind: string, name: string): any {
    const found = this.objects.filter((object) => object.kind === kind && object.metadata.name === name);
    if (found.length !== 1) throw new Error(`${found.length} objects ${kind} ${name}`);
    return found[0];
  }

  /** What synthesis complains about. */
  get complaint(): string {
    try {
      this.app.synthYaml();
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing';
  }
}

export function objectsOf(app: App): KubeObject[] {
  return app.charts.flatMap((chart) => chart.toJson() as KubeObject[]);
}
