/** Small manifests for meshes on this machine, and the folder that holds them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { KubeObject } from '../../lib/api/object';
import { gatewayContainer } from '../../lib/injector';

/** A folder of manifests that a test writes, edits and removes. */
export class ManifestFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'malha-manifests-'));

  constructor(files: Record<string, string | readonly KubeObject[]>) {
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }

  write(name: string, content: string | readonly KubeObject[]): void {
    const text = typeof content === 'string' ? content : content.map((object) => stringify(object)).join('---\n');
    writeFileSync(join(this.path, name), text);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** A namespace whose pods get a sidecar. */
export function namespace(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'istio-injection': 'enabled' } } };
}

/** A Service of port 80 and a Deployment per version (`reviews-v1`), for which echo services on port 8080 stand in. */
export function service(
  name: string,
  versions: readonly string[],
  annotations: Record<string, string> = {},
): KubeObject[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    ...versions.map((version) => deployment(`${name}-${version}`, { app: name, version }, annotations)),
  ];
}

function deployment(name: string, labels: Record<string, string>, annotations: Record<string, string>): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations }, spec: { containers: [{ name: 'app', image: `shop/${name}` }] } },
    },
  };
}

/** An ingress gateway `edge`, with a Gateway for `*.shop.localhost`. */
export function gateway(): KubeObject[] {
  const labels = { istio: 'ingressgateway' };
  const container = gatewayContainer({ workload: 'edge', ports: [{ name: 'http2', containerPort: 8080 }] });
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'edge', namespace: 'shop' },
      spec: { selector: labels, ports: [{ name: 'http2', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'edge', namespace: 'shop' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'edge', namespace: 'shop' },
      spec: {
        selector: labels,
        servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*.shop.localhost'] }],
      },
    },
  ];
}

/** The subsets v1, v2 … of a service. */
export function destinationRule(name: string, versions: readonly string[]): KubeObject {
  const subsets = versions.map((version) => ({ name: version, labels: { version } }));
  return istio('DestinationRule', name, { host: name, subsets });
}

/** @param http the routes, in order. */
export function virtualService(name: string, http: readonly object[], part: object = {}): KubeObject {
  return istio('VirtualService', name, { hosts: [name], http, ...part });
}

/** A route to a version of `name`. */
export function to(name: string, version: string, weight?: number): object {
  return { destination: { host: name, subset: version }, ...(weight !== undefined && { weight }) };
}

function istio(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: 'networking.istio.io/v1', kind, metadata: { name, namespace: 'shop' }, spec };
}
