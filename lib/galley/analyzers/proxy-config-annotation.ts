/** Settings that a Pod's annotation has for its proxy are such as proxies have, and are served. */
import { MeshProxyConfig } from '../../api';
import { PROXY_CONFIG_ANNOTATION, parseMapping } from '../../world';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { join } from '../path';
import { schemaCheck, shown } from '../schema-check';
import { unservedFields } from '../unserved';
import { unservedMessage } from '../validate';
import type { Analysis } from './analysis';
import type { KnownWorkload } from './workloads';

const NAME = 'proxyconfig.AnnotationAnalyzer';

const check = schemaCheck(MeshProxyConfig, '');

export function proxyConfigAnnotations(analysis: Analysis): Finding[] {
  return analysis.workloads.all.flatMap((workload) => (analysis.isAssumed(workload.object) ? [] : judge(workload)));
}

function judge({ object, isPod, annotations }: KnownWorkload): Finding[] {
  const text = annotations[PROXY_CONFIG_ANNOTATION];
  if (!text?.trim()) return [];
  const path = join(`${isPod ? '' : 'spec.template.'}metadata.annotations`, PROXY_CONFIG_ANNOTATION);
  const invalid = (message: string) =>
    findingAbout(object, 'IST0125', NAME, { path, message: `${PROXY_CONFIG_ANNOTATION}: ${message}` });
  const config = parseMapping(text);
  if (!config) return [invalid(`a ProxyConfig in YAML is wanted, such as 'concurrency: 2', got ${shown(text)}`)];
  const errors = check(config);
  // The annotation is one text; where in it, the message has to tell.
  if (errors.length > 0) {
    return errors.map(({ path: field, message }) => invalid(field ? `${field}: ${message}` : message));
  }
  return unservedFields(MeshProxyConfig, config, '').map((field) => {
    const message = `${PROXY_CONFIG_ANNOTATION}: ${unservedMessage(field.path, field.value)}`;
    return findingAbout(object, 'MAL0001', NAME, { path, message });
  });
}
