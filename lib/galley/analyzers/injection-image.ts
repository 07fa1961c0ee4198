/** Sidecars run the image that would be injected now. */
import type { ConfigMap } from '../../api/kubernetes';
import { ProxyConfig } from '../../api/networking/proxy-config';
import { parseMapping } from '../../world/mesh-config';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { injectedImage, injectorName } from './injector-values';
import { carries } from './label-selector';
import { namespaceOf } from './names';
import { containersOf, type KnownWorkload, PROXY_CONTAINER } from './workloads';

const NAME = 'injection.ImageAnalyzer';

export function injectionImage(analysis: Analysis): Finding[] {
  const images = new Map(
    analysis
      .of<ConfigMap>('/ConfigMap')
      .filter((map) => map.metadata.name.startsWith('istio-sidecar-injector'))
      .map((map) => [map.metadata.name, injectedImage(map)]),
  );
  if (images.size === 0) {
    return [];
  }
  const old = new Map<string, string[]>();
  for (const workload of analysis.workloads.all) {
    const labels = analysis.namespaces.get(workload.namespace)?.metadata.labels ?? {};
    const revision = labels['istio.io/rev'] ?? (labels['istio-injection'] === 'enabled' ? 'default' : undefined);
    const image = revision === undefined ? undefined : images.get(injectorName(revision));
    if (workload.isPod && image !== undefined && isOld(analysis, workload, image)) {
      old.set(workload.namespace, [...(old.get(workload.namespace) ?? []), workload.object.metadata.name]);
    }
  }
  return [...old].map(([namespace, pods]) => {
    const more = pods.length > 5 ? ` and ${pods.length - 5} more` : '';
    const message = `the sidecars of ${pods.slice(0, 5).join(', ')}${more} run another image than would be injected now`;
    return findingAbout(analysis.namespaces.get(namespace)!, 'IST0158', NAME, { path: 'metadata.name', message });
  });
}

function isOld(analysis: Analysis, workload: KnownWorkload, image: string): boolean {
  if (workload.annotations['sidecar.istio.io/proxyImage']) {
    return false;
  }
  const variant = variantOf(analysis, workload);
  const allowed = [image, ...(variant ? [`${image}-${variant}`] : [])];
  return containersOf(workload.spec).some(
    (container) => container.name === PROXY_CONTAINER && !allowed.includes(container.image ?? ''),
  );
}

/** The variant of the image: the nearest that is given of the Pod, its workload, its namespace and the mesh. */
function variantOf(analysis: Analysis, { namespace, labels, annotations }: KnownWorkload): string {
  const annotated = parseMapping(annotations['proxy.istio.io/config'] ?? '')?.['image'] as Image | undefined;
  const configs = analysis.of<ProxyConfig>(ProxyConfig);
  const own = configs.filter((config) => namespaceOf(config) === namespace);
  const candidates = [
    annotated?.imageType,
    ...own.filter(({ spec }) => spec?.selector && carries(labels, spec.selector.matchLabels)).map(imageTypeOf),
    ...own.filter(({ spec }) => !spec?.selector).map(imageTypeOf),
    ...configs.filter((config) => namespaceOf(config) === analysis.rootNamespace).map(imageTypeOf),
    analysis.meshConfig.defaultConfig?.image?.imageType,
  ];
  const variant = String(candidates.find((candidate) => typeof candidate === 'string' && candidate !== '') ?? '');
  return variant === 'default' ? '' : variant;
}

interface Image {
  imageType?: unknown;
}

function imageTypeOf({ spec }: ProxyConfig): string | undefined {
  return spec?.image?.imageType;
}
