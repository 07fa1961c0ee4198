/** ProxyConfig: settings of the proxies of some workloads. https://istio.io/latest/docs/reference/config/networking/proxy-config/ */
import { networkingKind } from '../kind';
import type { KubeObject } from '../object';
import { int32, map, message, type Static, text } from '../schema';
import { WorkloadSelector } from '../selector';

export const ProxyConfigSpec = message(
  {
    selector: WorkloadSelector,
    concurrency: int32('Worker threads of the proxy; 0 is one per core.', { minimum: 0 }),
    environmentVariables: map(text('A value.', { maxLength: 2048 }), 'Environment variables for the proxy.'),
    image: message(
      { imageType: text('The variant: `default`, `debug` or `distroless`.') },
      { description: 'The image of the proxy.' },
    ),
  },
  { description: 'Settings of the proxies of some workloads, taken when a Pod is made.' },
);
export type ProxyConfigSpec = Static<typeof ProxyConfigSpec>;
export type ProxyConfig = KubeObject<ProxyConfigSpec>;

export const ProxyConfig = networkingKind({
  kind: 'ProxyConfig',
  plural: 'proxyconfigs',
  description: 'Settings of the proxies of some workloads.',
  versions: ['v1beta1'],
  storedVersion: 'v1beta1',
  schema: ProxyConfigSpec,
});
