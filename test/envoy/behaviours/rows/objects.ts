/** The frames of objects that many rows share; what a row is about stays in the row. */

import { complete } from '../../../../lib/world';
import { cast } from '../cast';

/** Routes to the two versions, as lines of YAML. */
export const toV1 = 'route: [{ destination: { host: reviews, subset: v1 } }]';
export const toV2 = 'route: [{ destination: { host: reviews, subset: v2 } }]';

/** With the port, where requests come to another than one of the service's. */
export const toV1Port = 'route: [{ destination: { host: reviews, subset: v1, port: { number: 9080 } } }]';
export const toV2Port = 'route: [{ destination: { host: reviews, subset: v2, port: { number: 9080 } } }]';

/** One object. @param spec lines of YAML, indented in any way. */
export function networking(kind: string, name: string, spec: string, namespace = 'shop', created = ''): string {
  const time = created && `, creationTimestamp: "${created}"`;
  return [
    'apiVersion: networking.istio.io/v1',
    `kind: ${kind}`,
    `metadata: { name: ${name}, namespace: ${namespace}${time} }`,
    'spec:',
    indented(spec, '  '),
  ].join('\n');
}

/** The routes of `reviews`: what matches nothing goes to v1. @param http a list of YAML. */
export function reviewsRoutes(http: string): string {
  return networking('VirtualService', 'reviews', `hosts: [reviews]\nhttp:\n${indented(http, '')}\n- ${toV1}`);
}

/** A Gateway of the edge. @param servers a list of YAML. */
export function edgeGateway(servers: string, name = 'edge', namespace = 'shop', created = ''): string {
  const spec = `selector: { istio: ingressgateway }\nservers:\n${indented(servers, '')}`;
  return networking('Gateway', name, spec, namespace, created);
}

export function documents(...texts: string[]): string {
  return texts.join('\n---\n');
}

/** The lines with their common indentation replaced. */
function indented(text: string, by: string): string {
  const lines = text.split('\n').filter((line) => line.trim());
  const common = Math.min(...lines.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => by + line.slice(common)).join('\n');
}

/** The addresses that the Pods of the cast have with transparent capture, in every mesh. */
const addresses = new Map(
  complete(cast())
    .filter(({ kind }) => kind === 'Pod')
    .map((object) => [object.metadata.name, (object['status'] as { podIP?: string } | undefined)?.podIP]),
);

export function addressOf(pod: string): string {
  return addresses.get(pod) ?? '';
}
