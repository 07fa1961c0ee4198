/** Nobody checks what an annotation says before a proxy gets its listeners: whatever it is, the proxy gets them. */
import fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../lib/api/object';
import { Translator } from '../../lib/pilot';
import { complete, proxyNamed, World } from '../../lib/world';

const MESH = `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "{ enableTracing: true, defaultConfig: { tracing: { zipkin: { address: 'shop.shop:80' } } } }" }
---
apiVersion: v1
kind: Service
metadata: { name: shop, namespace: shop }
spec: { selector: { app: shop }, ports: [{ name: http, port: 80 }] }`;

const pod = (config: unknown): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'shop',
    namespace: 'shop',
    labels: { app: 'shop' },
    annotations: { 'proxy.istio.io/config': JSON.stringify(config) },
  },
  spec: { containers: [{ name: 'app' }] },
});
const others = parseAllDocuments(MESH).map((document) => document.toJS() as KubeObject);

function listenersWith(config: unknown): string[] {
  const world = World.of(complete([...others, pod(config)]));
  const translator = new Translator();
  const { listeners } = translator.snapshot(world, proxyNamed(world, 'shop.shop')!);
  expect(translator.failures).toEqual([]);
  return listeners.map(({ name, version }) => `${name} ${version}`);
}

const FIELDS = {
  proxyHeaders: ['forwardedClientCert', 'setCurrentClientCertDetails', 'requestId', 'server', 'attemptCount', 'x'],
  connectionSettings: ['profile', 'httpIdleTimeout', 'httpMaxConcurrentStreams', 'httpMergeSlashes', 'x'],
  tracing: ['sampling', 'maxPathTagLength', 'customTags', 'zipkin', 'x'],
};
const junk = fc.jsonValue({ maxDepth: 2 });
const config = fc.record(
  Object.fromEntries(
    Object.entries(FIELDS).map(([name, fields]) => [
      name,
      fc.oneof(junk, fc.record(Object.fromEntries(fields.map((field) => [field, junk])), { requiredKeys: [] })),
    ]),
  ),
  { requiredKeys: [] },
);

test('any JSON at all leaves a proxy its listeners', () => {
  const names = (listeners: string[]) => listeners.map((listener) => listener.split(' ')[0]);
  const usual = names(listenersWith({}));
  expect(usual).toContain('virtualInbound');
  fc.assert(
    fc.property(fc.oneof(junk, config), (any) => expect(names(listenersWith(any))).toEqual(usual)),
    {
      numRuns: 300,
    },
  );
});

test.each([
  { proxyHeaders: { server: { value: 'a\r\nb' }, forwardedClientCert: 'MAYBE', attemptCount: 7 } },
  { connectionSettings: { profile: 'EDGY', httpMaxConcurrentStreams: 1.5, httpIdleTimeout: 'soon' } },
  { connectionSettings: { http2InitialStreamWindowSize: 1, httpPathWithEscapedSlashesAction: 'BURN' } },
])('what is not what its field takes counts as not there: %j', (config) => {
  expect(listenersWith(config)).toEqual(listenersWith({}));
});
