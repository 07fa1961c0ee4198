/** The CustomResourceDefinitions of the kinds that the mesh serves: the first chart, and nothing else in it. */
import { ApiObject, type ApiObjectProps, type Chart } from 'cdk8s';
import { kinds } from '../lib/api';
import { customResourceDefinition } from '../lib/api/crd';

export function customResourceDefinitions(chart: Chart): void {
  for (const kind of kinds) {
    new ApiObject(chart, `${kind.plural}.${kind.group}`, customResourceDefinition(kind) as unknown as ApiObjectProps);
  }
}
