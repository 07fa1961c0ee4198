/**
 * How a Kubernetes object stands in a snapshot: as the YAML that a person would read. What other tests hold and nobody
 * would read twice is cut: the bootstrap in Envoy's arguments, and the schemas of CRDs.
 */
import { stringify } from 'yaml';

const isObject = (value: unknown): value is { apiVersion: string; kind: string } =>
  typeof value === 'object' && value !== null && 'apiVersion' in value && 'kind' in value;

export const yamlSnapshot = {
  test: isObject,
  serialize: (object: object): string =>
    `\n${stringify(JSON.parse(JSON.stringify(object, shortened)), { lineWidth: 0 })}`,
};

function shortened(key: string, value: unknown): unknown {
  if (typeof value === 'string' && value.startsWith('{') && value.includes('"dynamic_resources"'))
    return '<bootstrap, see test/golden/injector>';
  return key === 'openAPIV3Schema' ? '<schema, see test/api>' : value;
}
